"""Settings as a TOML file that explains itself, written whole or not at all."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from monitor.config import InputSettings, InstrumentSettings, MeterSettings, Settings, check, load
from monitor.errors import ConfigError
from monitor.masking import masked

_SAYS = MappingProxyType(
    {
        "instrument": "What measures.",
        "instrument.kind": "A scope, or the name of a source that an installed package provides.",
        "instrument.address": "VISA resource name; `wattstage devices` lists what is there.",
        "instrument.dialect": 'What the scope speaks; "auto" goes by its identity.',
        "instrument.record_s": "Length of one record in s: on mains at least two line cycles.",
        "instrument.sample_rate_hz": "Samples per second; without it the scope's own choice.",
        "instrument.format": "Width of the codes: WORD keeps all bits, BYTE is half the data.",
        "instrument.timeout_s": "How long the scope may be silent, in s.",
        "instrument.supply": '"mains" averages over whole line cycles, "dc" does not, "auto" finds'
        " out.",
        "instrument.nominal_v": "Voltage that the supply should have; setup and doctor compare it.",
        "instrument.inputs": "One input of the scope and what is connected to it.",
        "instrument.inputs.input": "Number of the input at the scope.",
        "instrument.inputs.quantity": "voltage or current; those of one rail make its power.",
        "instrument.inputs.name": "Shown in the window.",
        "instrument.inputs.rail": "Voltage and current of the same rail are multiplied.",
        "instrument.inputs.reports": '"unit": the scope shows V or A, its probe factor is set'
        ' there. "volts": it shows volts, and ratio makes V or A of them. It is asked, and a'
        " contradiction refused.",
        "instrument.inputs.ratio": "V or A per volt shown (10 for a clamp of 100 mV/A); negative"
        " if the clamp is the wrong way round.",
        "instrument.inputs.offset": "V or A, added.",
        "instrument.inputs.probe_factor": "The factor that must be set at the scope.",
        "instrument.inputs.coupling": "Power needs DC: AC coupling hides the mean.",
        "instrument.inputs.note": "Which probe it is.",
        "instrument.inputs.calibration": "Found by measuring something known.",
        "meters": "A meter beside the scope; its numbers are shown and recorded with it.",
        "meters.kind": "scpi, yokogawa-wt, plug or elmorlabs-pmd.",
        "meters.address": "VISA resource name, mqtt://HOST/TOPIC of a plug, or serial port.",
        "meters.interval_s": "Between two readings, in s.",
        "metrics": "Windows of the live numbers, in s.",
        "markers": "Where the stages of the workload come from.",
        "markers.broker": '"embedded", "none", or mqtt://HOST:PORT.',
        "history": "How much the live view remembers.",
    }
)
_ALWAYS = MappingProxyType(
    {
        InstrumentSettings: {"address", "dialect", "supply"},
        InputSettings: {"input", "quantity", "reports", "coupling"},
        MeterSettings: {"kind", "address", "interval_s"},
    }
)
_WIDTH = 96
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render(settings: Settings, heading: str = "") -> str:
    """Return settings as TOML with a comment for each line.

    What has its default is left out, unless a reader should know of it.

    Parameters
    ----------
    heading
        Lines for the top, without ``#``.
    """
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    lines += _table(settings, "")
    return "\n".join(lines).strip() + "\n"


def write(path: Path, settings: Settings, heading: str = "", *, overwrite: bool = False) -> None:
    """Write a profile whole or not at all.

    Raises
    ------
    ConfigError
        If the settings make no sense, there is such a file and it may not be overwritten, or it
        cannot be written.
    """
    check(settings, str(path))
    try:
        with _beside(path) as draft:
            text = render(settings, heading)
            # Others may read it, unless there is a password in a URL.
            draft.chmod(0o644 if masked(text) == text else 0o600)
            draft.write_text(text, encoding="utf-8")
            if load(draft) != settings:
                raise ConfigError(f"{path} would not be read back as it was meant; it was not made")
            if overwrite:
                draft.replace(path)
            else:
                path.hardlink_to(draft)  # which refuses if there is one, whoever made it when
    except FileExistsError as error:
        raise ConfigError(
            f"{path} exists already and was left as it is; choose another file, or say --force"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield a new file in the folder of another; it is gone in the end."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".toml", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _table(value: msgspec.Struct, path: str) -> list[str]:
    """Return the lines of a struct: its own first, then its tables."""
    lines: list[str] = []
    tables: list[str] = []
    always = _ALWAYS.get(type(value), set())
    for field in msgspec.structs.fields(value):
        item = getattr(value, field.name)
        if item is None or (item == _default(field) and field.name not in always):
            continue
        name = f"{path}.{field.name}" if path else field.name
        if isinstance(item, msgspec.Struct):
            tables += ["", *_comment(name), f"[{name}]", *_table(item, name)]
        elif isinstance(item, dict):
            tables += ["", f"[{name}]", *(f"{_key(k)} = {_text(v)}" for k, v in item.items())]
        elif isinstance(item, tuple) and item and isinstance(item[0], msgspec.Struct):
            for part in item:
                tables += ["", *_comment(name), f"[[{name}]]", *_table(part, name)]
        else:
            lines += [*_comment(name), f"{field.name} = {_text(item)}"]
    return lines + tables


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _comment(name: str) -> list[str]:
    lines: list[str] = []
    for word in _SAYS.get(name, "").split():
        if lines and len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"# {word}")
    return lines


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return json.dumps(value.value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    # What JSON calls a string, number or boolean is one in TOML, but for the letter DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
