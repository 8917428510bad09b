from tiny import Module


class STDiT(Module):
    def __init__(self, **_):
        super().__init__()

    def forward(self, x, t):
        print("step", t)
        return x * (t + 1)


def _scheduler(**given):
    from opensora.schedulers.iddpm import IDDPM

    return IDDPM(**given)


def _vae(**given):
    from opensora.models.vae.vae import VideoAutoencoderKL

    return VideoAutoencoderKL(**given)


def _t5(**given):
    from opensora.models.text_encoder.t5 import T5Encoder

    return T5Encoder(**given)


def _temporal(**given):
    from opensora.models.vae.vae import VideoAutoencoderKLTemporalDecoder

    return VideoAutoencoderKLTemporalDecoder(**given)


BY_NAME = {
    "STDiT-XL/2": STDiT,
    "VideoAutoencoderKL": _vae,
    "VideoAutoencoderKLTemporalDecoder": _temporal,
    "t5": _t5,
    "iddpm": _scheduler,
}
