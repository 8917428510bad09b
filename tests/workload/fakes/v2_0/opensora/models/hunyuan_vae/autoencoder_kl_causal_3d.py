from tiny import Decoder, Module


class AutoencoderKLCausal3D(Module):
    def __init__(self, **_):
        super().__init__()
        self.decoder = Decoder()

    def encode(self, x, sample_posterior=True, return_posterior=False, generator=None):
        return x - 1

    def spatial_tiled_decode(self, z, return_dict=True):
        return self.decoder(z) + self.decoder(z)

    def _decode(self, z, return_dict=True):
        return self.decoder(z) if z is None else self.spatial_tiled_decode(z)

    def decode(self, z):
        return self._decode(z)
