from .dc_ae.models.dc_ae import DCAE
from .hunyuan_vae.autoencoder_kl_causal_3d import AutoencoderKLCausal3D
from .mmdit.model import MMDiTModel
from .text.conditioner import HFEmbedder
from .vae.autoencoder_2d import AutoEncoder

BY_NAME = {
    "flux": MMDiTModel,
    "hunyuan_vae": AutoencoderKLCausal3D,
    "dc_ae": DCAE,
    "autoencoder_2d": AutoEncoder,
    "text_embedder": HFEmbedder,
}
