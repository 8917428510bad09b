"""Which version of Open-Sora a checkout or an installation is: by its structure.

The version that it reports is of no use: 1.3 calls itself 1.2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def version_of(package: Path) -> str:
    """Return 1.0, 1.1, 1.2, 1.3, 2.0 or 2.0-scaling; empty if it is no Open-Sora.

    Parameters
    ----------
    package
        Folder of the package ``opensora``.
    """
    sampling = package / "utils" / "sampling.py"
    if sampling.is_file():
        return "2.0-scaling" if _names_scaling(sampling) else "2.0"
    for version, part in (
        ("1.3", "models/vae_v1_3"),
        ("1.2", "schedulers/rf"),
        ("1.1", "models/stdit/stdit2.py"),
        ("1.0", "schedulers/iddpm"),
    ):
        if (package / part).exists():
            return version
    return ""


def _names_scaling(sampling: Path) -> bool:
    try:
        return "class I2VScalingDenoiser" in sampling.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
