"""Two recordings of the same inputs as one, with a gap between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from monitor.errors import RecordingError
from monitor.keeping.rewrite import Item, described, rewrite
from monitor.model import NS, Block
from monitor.recording import notes
from monitor.recording.doubts import doubts
from monitor.recording.reader import Recording

_SAME = ("channels", "sample_rate_hz", "dtype", "supply")


def merge(
    one: Recording,
    other: Recording,
    output: Path,
    progress: Callable[[float], None] = lambda _: None,
) -> float:
    """Write two recordings to a new file, in the order of their time.

    The later one is put in its place by its own time of sample 0, to the nearest sample.

    Returns
    -------
    The gap between them, in s.

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
        continuous=a.info.continuous and b.info.continuous,
    )
    first, last = a.bounds[0], b.bounds[1] + shift
    told = (*doubts(a, *a.bounds), *doubts(b, *b.bounds))
    settings = described(a, f"merge of {a.path.name} and {b.path.name}", told)
    rewrite(
        output,
        info,
        notes.told(settings, (*a.notes, *b.notes)),
        itertools.chain(a.items(), _shifted(b, shift)),
        channels=dict.fromkeys((*a.slow.channels, *b.slow.channels)),
        corrections=a.corrections,
        progress=lambda stop: progress((stop - first) / max(last - first, 1)),
    )
    return gap_s


def _shifted(recording: Recording, shift: int) -> Iterator[Item]:
    for item in recording.items():
        yield replace(item, start=item.start + shift) if isinstance(item, Block) else item


def _told(value: object) -> str:
    return msgspec.json.encode(value).decode()
