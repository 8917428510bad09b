"""What the hooks count on in Open-Sora beyond the functions that they are set on at import.

What they find at run time: methods of the models that they wrap then, parts that they hook, calls
by which their hooks are reached, and with which arguments. ``scripts/check-opensora`` holds a
checkout against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .hooktable import Target

if TYPE_CHECKING:
    Items = tuple["Target | Use | Held | Module | Word", ...]


class Use(NamedTuple):
    """A call that a hook sees, or is reached by."""

    module: str
    """Where it is made."""
    name: str
    """``function`` or ``Class.method`` that makes it."""
    call: str
    """What is called there, such as ``model_ae.decode``; ``[]`` stands for any index."""
    keywords: tuple[str, ...] = ()
    """Arguments that are given by name."""


class Held(NamedTuple):
    """An attribute that an object gives itself."""

    module: str
    name: str
    """``Class.attribute``."""


class Module(NamedTuple):
    """A class of models that torch calls, so that forward hooks are run, and that it moves."""

    module: str
    name: str


class Word(NamedTuple):
    """A text by which a hook knows what it sees."""

    module: str
    name: str
    """Of the function that has it."""
    text: str


_SCRIPT = "scripts.inference"
_VAE = "opensora.models.vae.vae"
_IDDPM = "opensora.schedulers.iddpm"
_RF = "opensora.schedulers.rf"


def _made_by(script: str, *calls: str) -> tuple[Use, ...]:
    return tuple(Use(script, "main", call) for call in calls)


_BY_FRAME: Items = tuple(
    item
    for name in ("VideoAutoencoderKL", "VideoAutoencoderKLTemporalDecoder")
    for item in (
        Held(_VAE, f"{name}.module"),
        Use(_VAE, f"{name}.decode", "self.module.decode"),
    )
)
_BY_STEP: Items = (
    Held(f"{_IDDPM}.gaussian_diffusion", "GaussianDiffusion.num_timesteps"),
    Held(f"{_IDDPM}.respace", "SpacedDiffusion.timestep_map"),
    Use(_IDDPM, "IDDPM.sample", "self.p_sample_loop"),
    Use(_IDDPM, "IDDPM.sample", "text_encoder.encode"),
    Use(
        f"{_IDDPM}.gaussian_diffusion",
        "GaussianDiffusion.p_sample_loop_progressive",
        "self.p_sample",
    ),
)
_MADE_BY_ALL = ("parse_configs", "build_module", "scheduler.sample", "vae.decode", "save_sample")
_LONG = "scripts.inference-long"

_V1_1: Items = (
    *_BY_FRAME,
    *_BY_STEP,
    *_made_by(_SCRIPT, *_MADE_BY_ALL),
    *_made_by(_LONG, *_MADE_BY_ALL, "vae.encode"),
)

_SIZED = ("t", "model_kwargs", "base_resolution", "base_num_frames", "scale", "num_timesteps")
_FLOW: Items = (
    *(
        Held(_RF, f"RFLOW.{name}")
        for name in (
            "num_sampling_steps",
            "num_timesteps",
            "use_discrete_timesteps",
            "use_timestep_transform",
        )
    ),
    Use(_RF, "RFLOW.sample", "model"),
    Use(_RF, "RFLOW.sample", "text_encoder.encode"),
    Use(_RF, "RFLOW.sample", "timestep_transform", ("num_timesteps",)),
    Module("opensora.models.stdit.stdit3", "STDiT3"),
)
_BY_PART = (
    Use(_VAE, "VideoAutoencoderPipeline.decode", "self.temporal_vae.decode"),
    Use(_VAE, "VideoAutoencoderPipeline.decode", "self.spatial_vae.decode"),
)
_MADE_BY_FLOWS = (
    *_MADE_BY_ALL,
    "prepare_multi_resolution_info",
    "refine_prompts_by_openai",
    "add_watermark",
)

_V1_2: Items = (
    Target(f"{_RF}.rectified_flow", "timestep_transform", "", _SIZED),
    *_FLOW,
    *_BY_PART,
    *_made_by(_SCRIPT, *_MADE_BY_FLOWS, "append_generated"),
)

_VAE_1_3 = "opensora.models.vae_v1_3.vae"
_CODER_1_3 = "OpenSoraVAE_V1_3_Pipline"
_MADE_BY_1_3 = (*_MADE_BY_FLOWS, "deflicker", "super_resolution")

_V1_3: Items = (
    Target(
        f"{_RF}.time_sampler",
        "timestep_transform",
        "",
        (*_SIZED, "scale_temporal", "ret_ratio", "uniform_over_threshold"),
    ),
    *_FLOW,
    Use(_RF, "RFLOW.sample", "timestep_transform", ("scale", "scale_temporal")),
    Held(_RF, "RFLOW.transform_scale"),
    Held(_RF, "RFLOW.scale_temporal"),
    Held(_VAE_1_3, f"{_CODER_1_3}.decoder"),
    Use(_VAE_1_3, f"{_CODER_1_3}.decode_micro_frame", "self.decoder"),
    *_BY_PART,
    *_made_by(_SCRIPT, *_MADE_BY_1_3),
    *_made_by("scripts.inference_i2v", *_MADE_BY_1_3, "refine_batched_prompts_with_images"),
)

_SAMPLING = "opensora.utils.sampling"
_HUNYUAN = "opensora.models.hunyuan_vae.autoencoder_kl_causal_3d"
_DC = "opensora.models.dc_ae.models.dc_ae"
_FLUX = "opensora.models.vae.autoencoder_2d"
_EMBEDDER = "opensora.models.text.conditioner"
_DENOISERS = ("I2VDenoiser", "DistilledDenoiser")
_SCRIPT_2_0 = "scripts.diffusion.inference"


def _denoised_by(*names: str) -> tuple[Use, ...]:
    return tuple(
        Use(_SAMPLING, f"{name}.denoise", call)
        for name in names
        for call in ("model", "kwargs.pop")
    )


_V2_0: Items = (
    *(
        item
        for module, name, within in (
            (_HUNYUAN, "AutoencoderKLCausal3D", "spatial_tiled_decode"),
            (_DC, "DCAE", "decode_single"),
            (_FLUX, "AutoEncoder", "decode"),
        )
        for item in (
            Module(module, name),
            Target(module, f"{name}.decode", "", ("self", "z")),
            Held(module, f"{name}.decoder"),
            Use(module, f"{name}.{within}", "self.decoder"),
        )
    ),
    Module("opensora.models.mmdit.model", "MMDiTModel"),
    Module(_EMBEDDER, "HFEmbedder"),
    Target(_EMBEDDER, "HFEmbedder.forward", "", ("self", "text", "added_tokens", "seq_align")),
    Use(_SAMPLING, "prepare", "t5"),
    Use(_SAMPLING, "prepare", "clip"),
    Use(_SAMPLING, "prepare_models", "build_module"),
    Target(
        _SAMPLING,
        "prepare_api.api_fn",
        "",
        (
            "opt",
            "cond_type",
            "seed",
            "sigma_min",
            "text",
            "neg",
            "patch_size",
            "channel",
            "kwargs",
        ),
    ),
    *(
        Use(_SAMPLING, "prepare_api.api_fn", call)
        for call in ("get_noise", "collect_references_batch", "prepare", "model_ae.decode")
    ),
    Use(_SAMPLING, "prepare_api.api_fn", "denoiser.denoise", ("timesteps",)),
    *_denoised_by(*_DENOISERS),
    Use("opensora.utils.inference", "process_and_save", "save_sample"),
    Use("opensora.utils.cai", "get_booster", "Booster"),
    Word(_SCRIPT_2_0, "main", "generated_condition"),
    Use(_SCRIPT_2_0, "main", "booster.boost", ("model",)),
    *_made_by(
        _SCRIPT_2_0,
        "parse_alias",
        "init_inference_environment",
        "prepare_models",
        "prepare_api",
        "api_fn",
        "api_fn_img",
        "refine_prompts",
        "process_and_save",
        "model.to",
        "model_ae.to",
        "optional_models[].to",
    ),
)

RELIED: dict[str, Items] = {
    "1.0": (*_BY_FRAME, *_BY_STEP, *_made_by(_SCRIPT, *_MADE_BY_ALL)),
    "1.1": _V1_1,
    "1.2": _V1_2,
    "1.3": _V1_3,
    "2.0": _V2_0,
    "2.0-scaling": (
        *_V2_0,
        Use(
            _SAMPLING,
            "prepare_api.api_fn",
            "denoiser.denoise",
            ("timesteps", "do_inference_scaling", "num_subtree", "scaling_steps"),
        ),
        *_denoised_by("I2VScalingDenoiser"),
        Use(_SAMPLING, "I2VScalingDenoiser.denoise", "model_ae.decode"),
    ),
}
"""By version."""
