import torch
from opensora.models.vae.vae_temporal import VAE_Temporal
from opensora.registry import MODELS, build_module
from tiny import Module


class VideoAutoencoderKL(Module):
    def __init__(self, **_):
        super().__init__()

    def encode(self, x):
        return x - 1

    def decode(self, x, **kwargs):
        torch.cuda.work("tile", 0.3)
        return x * 2


class VideoAutoencoderPipeline(Module):
    def __init__(self, **_):
        super().__init__()
        self.spatial_vae = build_module({"type": "VideoAutoencoderKL"}, MODELS)
        self.temporal_vae = VAE_Temporal()

    def encode(self, x):
        return self.spatial_vae.encode(x)

    def decode(self, z, num_frames=None):
        return self.spatial_vae.decode(self.temporal_vae.decode(z, num_frames=num_frames))
