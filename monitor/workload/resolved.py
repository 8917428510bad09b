"""What of a resolved configuration of Open-Sora is told: what a clip's energy depends on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = (
    "resolution", "aspect_ratio", "image_size", "height", "width", "num_frames", "fps", "save_fps",
    "fps_save", "frame_interval", "loop", "condition_frame_length", "num_sample", "batch_size",
    "dtype", "seed", "cond_type", "use_t2i2v", "prompt_refine", "llm_refine", "offload_model",
    "motion_score", "config_path", "ckpt_path", "plugin", "plugin_ae",
)  # fmt: skip
_PARTS = {
    "sampling_option": (
        "resolution", "aspect_ratio", "num_frames", "num_steps", "guidance", "guidance_img", "seed",
        "method", "num_subtree", "scaling_steps",
    ),
    "scheduler": ("type", "num_sampling_steps", "cfg_scale"),
    "plugin_config": ("tp_size", "sp_size", "pp_size", "sequence_parallelism_mode", "zero_stage"),
    "model": ("type",),
}  # fmt: skip
_RENAMED = {"num_sampling_steps": "num_steps", "cfg_scale": "guidance", "fps_save": "save_fps"}


def header(config: Any) -> dict[str, Any]:
    """Return what is told of a whole configuration; the prompt only by its hash.

    Parameters
    ----------
    config
        Mapping, such as an mmengine ``Config``.
    """
    told: dict[str, Any] = {}
    for key in _KEYS:
        _tell(told, key, config.get(key))
    for part, keys in _PARTS.items():
        section = config.get(part)
        if section is None or not hasattr(section, "get"):
            continue
        for key in keys:
            name = f"{part}_{key}" if key == "type" else key
            _tell(told, name, section.get(key))
    told.update(prompt_attrs(config.get("prompt")))
    return told


def clip_attrs(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of one clip of 2.0, by the arguments of what makes it."""
    told: dict[str, Any] = {}
    option = arguments.get("opt")
    for key in ("height", "width", "num_frames", "num_steps", "guidance", "guidance_img", "method"):
        _tell(told, key, getattr(option, key, None))
    for key in ("cond_type", "seed"):
        _tell(told, key, arguments.get(key))
    told.update(prompt_attrs(arguments.get("text")))
    return told


def _tell(told: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, (list, tuple)):
        value = "x".join(map(str, value)) if len(value) <= 8 else f"{len(value)} values"
    elif not isinstance(value, (bool, int, float, str)):
        value = str(getattr(value, "value", value))
    told[_RENAMED.get(key, key)] = value


def prompt_attrs(prompt: Any) -> dict[str, Any]:
    """Return what is told of a prompt, or of several: not what it says."""
    if not prompt:
        return {}
    texts = [prompt] if isinstance(prompt, str) else [str(text) for text in prompt]
    whole = "\n".join(texts).encode("utf-8", "replace")
    return {"prompt_hash": hashlib.sha256(whole).hexdigest()[:16], "n_prompts": len(texts)}


def part_of(config: dict[str, Any]) -> str:
    """Return which model a configuration describes: dit, vae, t5, clip, or model."""
    text = " ".join(str(config.get(key, "")) for key in ("type", "from_pretrained")).lower()
    kind = str(config.get("type", "")).lower()
    if any(name in kind for name in ("vae", "autoencoder", "dc_ae")):
        return "vae"
    if any(name in kind for name in ("dit", "flux", "latte", "pixart")):
        return "dit"
    return next((name for name in ("t5", "clip") if name in text), "model")
