from tiny import Module


class Inner(Module):
    def decode(self, x, **_):
        return x + 1


class VideoAutoencoderKL(Module):
    def __init__(self, **_):
        super().__init__()
        self.module = Inner()

    def encode(self, x):
        return x - 1

    def decode(self, x):
        return self.module.decode(x) + self.module.decode(x)


class VideoAutoencoderKLTemporalDecoder(Module):
    def __init__(self, **_):
        super().__init__()
        self.module = Inner()

    def decode(self, x):
        return self.module.decode(x, num_frames=1)
