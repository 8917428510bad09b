from tiny import Decoder, Module


class AutoEncoder(Module):
    def __init__(self, **_):
        super().__init__()
        self.decoder = Decoder()

    def encode(self, x):
        return x - 1

    def decode(self, z):
        return self.decoder(z)
