from tiny import Module


class Flux(Module):
    def __init__(self, **_):
        super().__init__()

    def forward(self, img, timesteps, **_):
        return img * (1 - timesteps / 10)


class Decoder(Module):
    def forward(self, z):
        return 2 * z


class Autoencoder(Module):
    def __init__(self, **_):
        super().__init__()
        self.decoder = Decoder()

    def decode(self, z):
        return self.decoder(z) + self.decoder(z)


class Embedder(Module):
    def __init__(self, **_):
        super().__init__()

    def forward(self, text, **_):
        return float(sum(map(len, text)))


BY_NAME = {"flux": Flux, "hunyuan_vae": Autoencoder, "text_embedder": Embedder}
