"""Which functions of Open-Sora are hooked, by version, with the parameters they must have.

Read from the branches ``opensora/v1.0`` to ``opensora/v1.3``, ``main`` (2.0) and
``inference-scaling``; ``scripts/check-opensora`` holds a checkout against it.
"""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A function to hook."""

    module: str
    """Where it is defined; whoever imports it by name gets it hooked."""
    name: str
    """``function`` or ``Class.method``."""
    hook: str
    """Name of the method of ``OpenSora`` that is run around it; after a colon, of the stage that
    it is. Empty if it is not hooked at import."""
    parameters: tuple[str, ...]
    """As it is defined, so that a change is noticed."""
    is_foreign: bool = False
    """Whether it is of another package, which a checkout does not contain."""


_BUILD = Target("opensora.registry", "build_module", "build", ("module", "builder", "kwargs"))
_SAVE = "opensora.datasets.utils"
_VAE = "opensora.models.vae.vae"
_T5 = "opensora.models.text_encoder.t5"
_TOOLS = "opensora.utils.inference_utils"
_SIZE = Target(
    _TOOLS,
    "prepare_multi_resolution_info",
    "size",
    ("info_type", "batch_size", "image_size", "num_frames", "fps", "device", "dtype"),
)
_REFINE = Target(_TOOLS, "refine_prompts_by_openai", "refine", ("prompts",))
_WATERMARK = Target(
    _TOOLS,
    "add_watermark",
    ":post.watermark",
    ("input_video_path", "watermark_image_path", "output_video_path"),
)
_VAE_OF_1_2 = (
    Target(_VAE, "VideoAutoencoderPipeline.encode", "encode_reference", ("self", "x")),
    Target(_VAE, "VideoAutoencoderPipeline.decode", "decode", ("self", "z", "num_frames")),
    Target(_VAE, "VideoAutoencoderKL.decode", "decode_spatial", ("self", "x", "kwargs")),
    Target(
        "opensora.models.vae.vae_temporal",
        "VAE_Temporal.decode",
        ":vae_decode.temporal",
        ("self", "z", "num_frames"),
    ),
)
_PARSE = Target("opensora.utils.config_utils", "parse_configs", "configure", ("training",))
_P_SAMPLE = (
    "self",
    "model",
    "x",
    "t",
    "clip_denoised",
    "denoised_fn",
    "cond_fn",
    "model_kwargs",
)
_SAMPLE = ("self", "model", "text_encoder", "z", "prompts", "device", "additional_args", "mask")
_DIFFUSION = "opensora.schedulers.iddpm.gaussian_diffusion"

_V1_0 = (
    _PARSE,
    _BUILD,
    Target(
        "opensora.schedulers.iddpm",
        "IDDPM.sample",
        "sample",
        ("self", "model", "text_encoder", "z_size", "prompts", "device", "additional_args"),
    ),
    Target(_DIFFUSION, "GaussianDiffusion.p_sample", "p_sample", _P_SAMPLE),
    Target(_T5, "T5Encoder.encode", "encode_text", ("self", "text")),
    Target(_VAE, "VideoAutoencoderKL.encode", "encode_reference", ("self", "x")),
    Target(_VAE, "VideoAutoencoderKL.decode", "decode", ("self", "x")),
    Target(_VAE, "VideoAutoencoderKLTemporalDecoder.decode", "decode", ("self", "x")),
    Target(_SAVE, "save_sample", "save", ("x", "fps", "save_path", "normalize", "value_range")),
)

_V1_1 = (
    _PARSE,
    _BUILD,
    Target("opensora.schedulers.iddpm", "IDDPM.sample", "sample", _SAMPLE),
    Target(_DIFFUSION, "GaussianDiffusion.p_sample", "p_sample", (*_P_SAMPLE, "mask")),
    Target(_T5, "T5Encoder.encode", "encode_text", ("self", "text")),
    Target(_VAE, "VideoAutoencoderKL.encode", "encode_reference", ("self", "x")),
    Target(_VAE, "VideoAutoencoderKL.decode", "decode", ("self", "x")),
    Target(_VAE, "VideoAutoencoderKLTemporalDecoder.decode", "decode", ("self", "x")),
    Target(
        _SAVE,
        "save_sample",
        "save",
        ("x", "fps", "save_path", "normalize", "value_range", "force_video"),
    ),
)

_V1_2 = (
    _PARSE,
    _BUILD,
    Target(
        "opensora.schedulers.rf",
        "RFLOW.sample",
        "sample_flow",
        (*_SAMPLE, "guidance_scale", "progress"),
    ),
    Target(_T5, "T5Encoder.encode", "encode_text", ("self", "text")),
    *_VAE_OF_1_2,
    Target(
        _SAVE,
        "save_sample",
        "save",
        ("x", "save_path", "fps", "normalize", "value_range", "force_video", "verbose"),
    ),
    _SIZE,
    _REFINE,
    _WATERMARK,
)

_V1_3 = (
    _PARSE,
    _BUILD,
    Target(
        "opensora.schedulers.rf",
        "RFLOW.sample",
        "sample_flow",
        (
            *_SAMPLE,
            "guidance_scale",
            "image_cfg_scale",
            "progress",
            "neg_prompts",
            "z_cond",
            "z_cond_mask",
            "mask_index",
            "use_sdedit",
            "use_oscillation_guidance_for_text",
            "use_oscillation_guidance_for_image",
        ),
    ),
    Target(_T5, "T5Encoder.encode", "encode_text", ("self", "input_ids", "attention_mask")),
    Target(
        "opensora.models.vae_v1_3.vae",
        "OpenSoraVAE_V1_3_Pipline.encode",
        "encode_reference",
        ("self", "x", "is_training", "sample_posterior", "return_posterior", "kwargs"),
    ),
    Target(
        "opensora.models.vae_v1_3.vae",
        "OpenSoraVAE_V1_3_Pipline.decode",
        "decode",
        ("self", "z", "is_training", "kwargs"),
    ),
    Target(
        _SAVE,
        "save_sample",
        "save",
        (
            "x",
            "save_path",
            "fps",
            "normalize",
            "value_range",
            "force_video",
            "verbose",
            "write_video_backend",
        ),
    ),
    _SIZE,
    _REFINE,
    Target(_TOOLS, "refine_batched_prompts_with_images", "refine", ("prompts", "images")),
    *_VAE_OF_1_2,
    _WATERMARK,
    Target(_TOOLS, "super_resolution", ":post.super_resolution", ("input_video_path", "sr")),
    Target(_TOOLS, "deflicker", ":post.deflicker", ("input_video_path",)),
)

_SAMPLING = "opensora.utils.sampling"
_MODELS = ("model", "model_ae", "model_t5", "model_clip", "optional_models")

_V2_0 = (
    Target("opensora.utils.config", "parse_alias", "configure", ("cfg",)),
    Target("opensora.utils.cai", "init_inference_environment", ":dist_init", ()),
    _BUILD,
    Target(_SAMPLING, "prepare_models", "load", ("cfg", "device", "dtype", "offload_model")),
    Target(
        "colossalai.booster.booster",
        "Booster.boost",
        ":shard",
        ("self", "model", "optimizer", "criterion", "dataloader", "lr_scheduler"),
        is_foreign=True,
    ),
    Target(_SAMPLING, "prepare_api", "api", _MODELS),
    Target(
        _SAMPLING,
        "get_noise",
        ":latent_prep",
        (
            "num_samples",
            "height",
            "width",
            "num_frames",
            "device",
            "dtype",
            "seed",
            "patch_size",
            "channel",
        ),
    ),
    Target(
        "opensora.utils.inference",
        "collect_references_batch",
        ":ref_encode",
        ("reference_paths", "cond_type", "model_ae", "image_size", "is_causal"),
    ),
    Target(
        _SAMPLING,
        "prepare",
        ":text_encode",
        ("t5", "clip", "img", "prompt", "seq_align", "patch_size"),
    ),
    Target(_SAMPLING, "I2VDenoiser.denoise", "denoise", ("self", "model", "kwargs")),
    Target(_SAMPLING, "DistilledDenoiser.denoise", "denoise", ("self", "model", "kwargs")),
    Target(
        "opensora.utils.inference",
        "process_and_save",
        "save",
        (
            "x",
            "batch",
            "cfg",
            "sub_dir",
            "generate_sampling_option",
            "epoch",
            "start_index",
            "saving",
        ),
    ),
    Target(
        _SAVE,
        "save_sample",
        ":save.encode",
        ("x", "save_path", "fps", "normalize", "value_range", "force_video", "verbose", "crf"),
    ),
    Target(
        "opensora.utils.prompt_refine",
        "refine_prompts",
        "refine",
        ("prompts", "retry_times", "type", "image_paths"),
    ),
)

TARGETS = {
    "1.0": _V1_0,
    "1.1": _V1_1,
    "1.2": _V1_2,
    "1.3": _V1_3,
    "2.0": _V2_0,
    "2.0-scaling": (
        *_V2_0,
        Target(_SAMPLING, "I2VScalingDenoiser.denoise", "denoise", ("self", "model", "kwargs")),
    ),
}
"""By version."""
