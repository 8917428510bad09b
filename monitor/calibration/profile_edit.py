"""Calibrations put into a profile that somebody else wrote, whose every other line stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from monitor.config import InstrumentSettings, load
from monitor.errors import ConfigError
from monitor.model import Calibration


def put(path: Path, found: Mapping[int, Calibration]) -> None:
    """Write the calibrations of inputs into a profile; the file is replaced whole.

    Parameters
    ----------
    found
        By the number of the input.

    Raises
    ------
    ConfigError
        If the profile cannot be read or written, or would not mean what it should.
    """
    before = load(path)
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        _change(document, found)
    except (OSError, TOMLKitError) as error:
        raise ConfigError(f"profile {path} cannot be changed: {error}") from error
    draft = _draft(path, tomlkit.dumps(document))
    try:
        _check(draft, before.instrument, found)
        draft.replace(path.resolve())
    except ConfigError as error:
        raise ConfigError(f"{path} was left as it is: {error}") from error
    except OSError as error:
        raise ConfigError(f"profile {path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _change(document: tomlkit.TOMLDocument, found: Mapping[int, Calibration]) -> None:
    instrument: Any = document["instrument"]
    if "inputs" not in instrument:
        inputs = tomlkit.aot()
        for item in InstrumentSettings().inputs:
            entry = tomlkit.table()
            entry.update({"input": item.input, "quantity": item.quantity.value})
            inputs.append(entry)
        instrument["inputs"] = inputs
    for item in instrument["inputs"]:
        calibration = found.get(int(item["input"]))
        if calibration is None:
            continue
        is_inline = isinstance(item, tomlkit.items.InlineTable)
        table: Any = tomlkit.inline_table() if is_inline else tomlkit.table()
        table.update(_stated(calibration))
        item["calibration"] = table


def _stated(calibration: Calibration) -> dict[str, Any]:
    """Return the fields that are not what they are without a calibration."""
    nothing = msgspec.to_builtins(Calibration())
    values: dict[str, Any] = msgspec.to_builtins(calibration)
    return {name: value for name, value in values.items() if value != nothing[name]}


def _draft(path: Path, text: str) -> Path:
    real = path.resolve()
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".toml", dir=real.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(real.stat().st_mode)
    except OSError as error:
        raise ConfigError(f"profile {path} cannot be written: {error.strerror}") from error
    return Path(name)


def _check(
    draft: Path, before: InstrumentSettings | None, found: Mapping[int, Calibration]
) -> None:
    """Raise ConfigError unless only the calibrations have changed."""
    after = load(draft).instrument
    if before is None or after is None:
        raise ConfigError("it has no instrument")
    inputs = tuple(
        msgspec.structs.replace(item, calibration=found.get(item.input, item.calibration))
        for item in before.inputs
    )
    if after != msgspec.structs.replace(before, inputs=inputs):
        raise ConfigError("it would not be read back as it was meant")
