"""Which functions of a program the user has chosen as stages, from a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from monitor.errors import ConfigError
from monitor.workload.chosen import Chosen

_NAME = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
_Dotted = Annotated[str, msgspec.Meta(pattern=_NAME)]
_Stage = Annotated[str, msgspec.Meta(pattern=r"^[^/\x00-\x1f]{1,64}$")]


class StageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage: a method of a class, or a function."""

    stage: _Stage
    module: _Dotted | None = None
    """``package.module.Class``, most often a ``torch.nn.Module``; None for a function."""
    method: _Dotted = "forward"
    function: _Dotted | None = None
    """``package.module.function``; None for a method."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stages: list[StageSettings]


def chosen_stages(file: Path) -> list[Chosen]:
    """Read a file of ``[[stages]]``.

    Raises
    ------
    ConfigError
        If it cannot be read, or one of them is not understood.
    """
    try:
        data = tomllib.loads(file.read_text("utf-8"))
        settings = msgspec.convert(data, _File).stages
    except OSError as error:
        raise ConfigError(f"stages file {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"stages file {file} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"stages file {file}: {error}") from error
    return [_chosen(one, f"stages file {file}: stage {one.stage!r}") for one in settings]


def _chosen(settings: StageSettings, where: str) -> Chosen:
    if (settings.module is None) == (settings.function is None):
        raise ConfigError(f"{where}: expected either module or function")
    whole = settings.module or settings.function or ""
    module, _, name = whole.rpartition(".")
    if not module:
        raise ConfigError(
            f"{where}: expected package.module.Name, got {whole!r}; what the program's own script"
            " defines is not imported, mark that with the client"
        )
    if settings.module is not None:
        name = f"{name}.{settings.method}"
    return Chosen(module, name, settings.stage)
