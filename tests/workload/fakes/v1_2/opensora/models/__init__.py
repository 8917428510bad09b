from .stdit.stdit3 import STDiT3


def _scheduler(**given):
    from opensora.schedulers.rf import RFLOW

    return RFLOW(**given)


def _vae(**given):
    from opensora.models.vae.vae import VideoAutoencoderPipeline

    return VideoAutoencoderPipeline(**given)


def _spatial(**given):
    from opensora.models.vae.vae import VideoAutoencoderKL

    return VideoAutoencoderKL(**given)


def _t5(**given):
    from opensora.models.text_encoder.t5 import T5Encoder

    return T5Encoder(**given)


BY_NAME = {
    "STDiT3-XL/2": STDiT3,
    "OpenSoraVAE_V1_2": _vae,
    "t5": _t5,
    "VideoAutoencoderKL": _spatial,
    "rflow": _scheduler,
}
