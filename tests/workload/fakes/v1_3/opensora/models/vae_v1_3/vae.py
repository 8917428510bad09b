import torch
from opensora.registry import MODELS, build_module
from tiny import Module


class Coder(Module):
    def forward(self, x):
        torch.cuda.work("tile", 0.15)
        return x * 2


class OpenSoraVAE_V1_3_Pipline(Module):
    micro_batch_size = 1

    def __init__(self, **_):
        super().__init__()
        self.encoder = build_module({"type": "VideoEncoder"}, MODELS)
        self.decoder = build_module({"type": "VideoDecoder"}, MODELS)

    def encode(self, x, is_training=False, sample_posterior=True, return_posterior=False, **kwargs):
        return self.encoder(x)

    def decode_micro_frame(self, z):
        return self.decoder(z) + self.decoder(z)

    def decode_micro_batch(self, z):
        return self.decode_micro_frame(z)

    def decode(self, z, is_training=False, **kwargs):
        if self.micro_batch_size is None:
            return self.decoder(z)
        return self.decode_micro_batch(z)
