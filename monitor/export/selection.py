"""Which part of a recording is exported, in the words of the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitor.errors import ConfigError
from monitor.model import Stage, StreamInfo
from monitor.recording.reader import Recording

_UNITS_S = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0, "h": 3600.0}
_TIME = re.compile(r"(\d+(?:\.\d*)?(?:e-?\d+)?)\s*([a-zµ]*)")
_MANY = 8  # occurrences of a stage that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of a recording is exported."""

    start: int
    """Sample index."""
    stop: int
    """Index after the last sample."""
    rows: tuple[int, ...]
    """Of ``Recording.read``: the channels, then the power."""
    codes: bool = False
    """Whether the instrument's own codes are written instead of values."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One column."""

    name: str
    unit: str


def select(
    recording: Recording,
    *,
    span: str = "",
    stage: str = "",
    whole: bool = False,
    signals: str = "",
    codes: bool = False,
) -> Selection:
    """Return what is asked for.

    Parameters
    ----------
    span
        ``10s:20s`` after the first sample; either side may be empty.
    stage
        Path of a stage, ``run/clip/denoise``; with ``#3`` its occurrence of that number.
    whole
        Whether the samples around a stage belong to it, so that nothing of it lies outside; else
        those from its one edge to before the other.
    signals
        ``v``, ``i``, ``p`` or names of channels, separated by commas; empty is all.

    Raises
    ------
    ConfigError
        If that is not in the recording.
    """
    if span and stage:
        raise ConfigError("either --range or --stage, not both")
    start, stop = recording.bounds
    chosen: Stage | None = None
    if span:
        start, stop = _span(span, recording)
    elif stage:
        chosen, start, stop = _stage(stage, recording)
    before = recording.cumulative([start, max(start, stop)])[1]
    if before[0] == before[1]:
        raise ConfigError(
            f"{recording.path}: no sample was captured there, so there is nothing to export"
        )
    if chosen is not None and whole:
        start, stop = _around(chosen, start, stop, recording)
    rows = _rows(signals, recording.info, codes=codes)
    return Selection(start=start, stop=stop, rows=rows, codes=codes)


def signals_of(info: StreamInfo) -> tuple[Signal, ...]:
    """Return what each row of ``Recording.read`` is called."""
    channels = tuple(Signal(c.name, c.quantity.unit) for c in info.channels)
    taken = {signal.name for signal in channels}
    power = "power" if "power" not in taken else "total power"
    return (*channels, Signal(power, "W"))


def _span(text: str, recording: Recording) -> tuple[int, int]:
    begin, colon, end = text.partition(":")
    first, last = recording.bounds
    rate_hz = recording.info.sample_rate_hz
    try:
        if not colon:
            raise ValueError(text)
        start = first + round(seconds(begin) * rate_hz) if begin.strip() else first
        stop = first + round(seconds(end) * rate_hz) if end.strip() else last
    except (ConfigError, ValueError, OverflowError) as error:
        raise ConfigError(f"--range must be two times such as 10s:20s, got {text!r}") from error
    if start >= stop or start >= last:
        raise ConfigError(
            f"--range {text}: expected a span within 0s:{recording.duration_s:.6g}s, which is what"
            f" {recording.path} holds"
        )
    return start, min(stop, last)


def seconds(text: str) -> float:
    """Return a time such as ``12.5s`` or ``2min`` in s.

    Raises
    ------
    ConfigError
        If it is none.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS_S:
        raise ConfigError(f"expected a time such as 12.5s, 300ms or 2min, got {text!r}")
    return float(match[1]) * _UNITS_S[match[2]]


def _stage(text: str, recording: Recording) -> tuple[Stage, int, int]:
    path, hash_sign, number = text.rpartition("#")
    if not hash_sign or not number.isdecimal():
        path, number = text, ""
    first, last = recording.bounds
    info = recording.info
    stages = recording.stage_tree.stages(info.time_ns(last))
    found = [stage for stage in stages if stage.path == path]
    if not found:
        known = ", ".join(list(dict.fromkeys(stage.path for stage in stages))[:_MANY]) or "none"
        raise ConfigError(f"{recording.path} has no stage {path!r}; it has {known}")
    at = _chosen(found, path, number)
    start = max(info.index_at(at.start_ns), first)
    stop = last if at.stop_ns is None else min(info.index_at(at.stop_ns), last)
    return at, start, stop


def _around(stage: Stage, start: int, stop: int, recording: Recording) -> tuple[int, int]:
    """Return the samples of a stage with those around it that no part of it lies outside of."""
    info = recording.info
    if info.time_ns(start) > stage.start_ns:
        start -= 1
    if stage.stop_ns is not None and info.time_ns(stop) < stage.stop_ns:
        stop += 1
    return recording.around(start, stop)


def _chosen(found: list[Stage], path: str, number: str) -> Stage:
    if number:
        if int(number) < len(found):
            return found[int(number)]
        raise ConfigError(f"stage {path!r} occurs {len(found)} times: #0 to #{len(found) - 1}")
    if len(found) > 1:
        raise ConfigError(
            f"stage {path!r} occurs {len(found)} times; choose one: {path}#0 to"
            f" {path}#{len(found) - 1}"
        )
    return found[0]


def _rows(text: str, info: StreamInfo, *, codes: bool) -> tuple[int, ...]:
    n = len(info.channels)
    names = [signal.name for signal in signals_of(info)]
    if not text:
        return tuple(range(n if codes else n + 1))
    rows: list[int] = []
    for word in (word.strip() for word in text.split(",")):
        if word in names:
            rows.append(names.index(word))
        elif word in ("v", "i"):
            unit = {"v": "V", "i": "A"}[word]
            rows += [k for k, c in enumerate(info.channels) if c.quantity.unit == unit]
        elif word == "p":
            rows.append(n)
        else:
            raise ConfigError(f"there is no signal {word!r}; expected v, i, p, {', '.join(names)}")
    if codes and n in rows:
        raise ConfigError("the power is a product and has no codes; leave p out, or --codes")
    if not rows:
        raise ConfigError(f"the recording has no signal that is one of {text!r}")
    return tuple(dict.fromkeys(rows))
