from opensora.models.vae.vae_temporal import VAE_Temporal
from tiny import Module


class VideoAutoencoderKL(Module):
    def encode(self, x):
        return x - 1

    def decode(self, x, **kwargs):
        return x * 2


class VideoAutoencoderPipeline(Module):
    def __init__(self, **_):
        super().__init__()
        self.spatial_vae = VideoAutoencoderKL()
        self.temporal_vae = VAE_Temporal()

    def encode(self, x):
        return self.spatial_vae.encode(x)

    def decode(self, z, num_frames=None):
        return self.spatial_vae.decode(self.temporal_vae.decode(z, num_frames=num_frames))
