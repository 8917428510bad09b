"""Two recordings of the same inputs as one, with a gap between them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from monitor.errors import RecordingError
from monitor.keeping.rewrite import Item, described, rewrite
from monitor.keeping.size import Size, size_of
from monitor.model import NS, Block
from monitor.recording import notes
from monitor.recording.calibrated import Correction
from monitor.recording.doubts import doubts
from monitor.recording.reader import Recording

_MERGED = "merged"
"""Setting that holds what the later recordings had of their own, a JSON list."""
_SAME = ("channels", "sample_rate_hz", "dtype", "supply")


class Merged(NamedTuple):
    """What to know of a recording that was made of two."""

    gap_s: float
    """Between them."""
    other_ways: tuple[str, ...]
    """In what the later one was made in another way, by name."""


def merge(
    one: Recording,
    other: Recording,
    output: Path,
    progress: Callable[[float], None] = lambda _: None,
    *,
    tell: Callable[[Size], None] = lambda _: None,
) -> Merged:
    """Write two recordings to a new file, in the order of their time.

    The later one is put in its place by its own time of sample 0, to the nearest sample.
    Instrument, settings and corrections are those of the earlier one; those of the later one, where
    they differ, go into the setting ``merged``.

    Parameters
    ----------
    tell
        Told the size of the new file before it is made.

    Raises
    ------
    RecordingError
        If they are not of the same inputs, or overlap, or the file cannot be made.
    """
    a, b = sorted((one, other), key=lambda each: each.start_ns)
    for name in _SAME:
        if getattr(a.info, name) != getattr(b.info, name):
            raise RecordingError(
                f"{b.path} does not fit {a.path}: its {name} is {_told(getattr(b.info, name))},"
                f" expected {_told(getattr(a.info, name))}; only recordings of the same inputs"
                " with the same calibration can be merged"
            )
    rate = a.info.sample_rate_hz
    shift = round((b.info.t0_ns - a.info.t0_ns) * rate / NS)
    gap_s = (b.bounds[0] + shift - a.bounds[1]) / rate
    if gap_s < 0:
        raise RecordingError(
            f"{b.path} does not fit {a.path}: they overlap by {-gap_s:.6g} s, and one moment can"
            " only be recorded once; cut one of them first"
        )
    info = msgspec.structs.replace(
        a.info,
        t0_uncertainty_ns=max(a.info.t0_uncertainty_ns, b.info.t0_uncertainty_ns),
        continuous=a.info.continuous and b.info.continuous and gap_s == 0,
    )
    first, last = a.bounds[0], b.bounds[1] + shift
    size = size_of(a, b)
    tell(size)
    other_ways = _other_ways(a, b)
    told = (*doubts(a, *a.bounds), *doubts(b, *b.bounds))
    settings = described(a, f"merge of {a.path.name} and {b.path.name}", told)
    if later := [*_earlier(a), *([_Later.of(b)] if other_ways else []), *_earlier(b)]:
        settings[_MERGED] = msgspec.json.encode(later).decode()
    rewrite(
        output,
        info,
        notes.told(settings, (*a.notes, *b.notes)),
        itertools.chain(a.items(), _shifted(b, shift)),
        size=size,
        channels=dict.fromkeys((*a.slow.channels, *b.slow.channels)),
        corrections=a.corrections,
        progress=lambda stop: progress((stop - first) / max(last - first, 1)),
    )
    return Merged(gap_s, other_ways)


class _Later(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording had of its own that was merged into an earlier one."""

    file: str
    instrument: dict[str, str]
    settings: dict[str, str]
    corrections: tuple[Correction, ...]

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Return what a recording has."""
        return cls(
            file=recording.path.name,
            instrument=recording.info.instrument,
            settings=_own_settings(recording),
            corrections=recording.corrections,
        )


def _other_ways(a: Recording, b: Recording) -> tuple[str, ...]:
    """Return in what two recordings were not made alike, e.g. ``instrument record``."""
    names = [
        f"{what} {name}"
        for what, one, other in (
            ("instrument", a.info.instrument, b.info.instrument),
            ("setting", _own_settings(a), _own_settings(b)),
        )
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]
    return (*names, *(("corrections",) if a.corrections != b.corrections else ()))


def _own_settings(recording: Recording) -> dict[str, str]:
    """Return the settings but for what is merged by itself."""
    merged = (_MERGED, notes.NOTES)
    return {name: text for name, text in recording.settings.items() if name not in merged}


def _earlier(recording: Recording) -> list[_Later]:
    """Return what was merged into a recording before."""
    with contextlib.suppress(ValueError):  # not of our making
        return msgspec.json.decode(recording.settings.get(_MERGED, "[]"), type=list[_Later])
    return []


def _shifted(recording: Recording, shift: int) -> Iterator[Item]:
    for item in recording.items():
        yield replace(item, start=item.start + shift) if isinstance(item, Block) else item


def _told(value: object) -> str:
    return msgspec.json.encode(value).decode()
