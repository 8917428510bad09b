from tiny import Module


class Base(Module):
    def forward(self, x):
        return x + 1


class Block(Base):
    class Inner:
        def work(self):
            return "worked"

    @classmethod
    def made(cls):
        return cls()

    @staticmethod
    def twice(x):
        return 2 * x


async def later():
    return None


def load():
    return Block.made()
