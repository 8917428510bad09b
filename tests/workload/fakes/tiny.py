"""What the fakes need of torch: modules with forward hooks, and numbers for tensors."""


class Handle:
    def __init__(self, hooks, hook):
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self):
        self._hooks.remove(self._hook)


class Module:
    def __init__(self):
        self._before, self._after = [], []

    def register_forward_pre_hook(self, hook):
        return Handle(self._before, hook)

    def register_forward_hook(self, hook):
        return Handle(self._after, hook)

    def __call__(self, *args, **kwargs):
        for hook in list(self._before):
            assert hook(self, args) is None
        result = self.forward(*args, **kwargs)
        for hook in list(self._after):
            assert hook(self, args, result) is None
        return result

    def to(self, *_):
        return self


class Registry:
    def __init__(self, name):
        self.name = name

    def build(self, config):
        config = dict(config)
        kind = config.pop("type")
        from opensora.models import BY_NAME

        return BY_NAME[kind](**config)


class Decoder(Module):
    def forward(self, z):
        return 2 * z


class Number(float):
    """A tensor of one number that is on the host already."""

    def cpu(self):
        return self
