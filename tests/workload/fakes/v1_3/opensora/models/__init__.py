from .stdit.stdit3 import STDiT3


def _scheduler(**given):
    from opensora.schedulers.rf import RFLOW

    return RFLOW(**given)


def _vae(**given):
    from opensora.models.vae_v1_3.vae import OpenSoraVAE_V1_3_Pipline

    return OpenSoraVAE_V1_3_Pipline(**given)


def _vae_1_2(**given):
    from opensora.models.vae.vae import VideoAutoencoderPipeline

    return VideoAutoencoderPipeline(**given)


def _coder(**given):
    from opensora.models.vae_v1_3.vae import Coder

    return Coder(**given)


def _t5(**given):
    from opensora.models.text_encoder.t5 import T5Encoder

    return T5Encoder(**given)


BY_NAME = {
    "STDiT3-XL/2": STDiT3,
    "OpenSoraVAE_V1_3": _vae,
    "OpenSoraVAE_V1_2": _vae_1_2,
    "VideoEncoder": _coder,
    "VideoDecoder": _coder,
    "t5": _t5,
    "rflow": _scheduler,
}
