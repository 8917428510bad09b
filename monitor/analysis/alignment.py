"""Whether the power of a recording steps when its markers say so."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.dsp.alignment import Offset, offset, shift
from monitor.errors import RecordingError
from monitor.model import NS, Stage, Supply
from monitor.recording.reader import Recording

BURST = "burst"
"""Stage of the bursts that ``wattstage align --burst`` makes."""

_CELL_S = 0.005  # of the correlation, on DC; a line cycle on mains
_MOST_CELLS = 200_000
_MARGIN_S = 5.0  # of the recording before the first stage and after the last
_FURTHEST_S = 5.0  # that markers may be away
_ALIKE = 0.6  # correlation below which power does not follow the stages
_BY_CHANCE = 3.0  # standard deviations of a correlation of so many edges with anything else
_MOST_EDGES = 500  # that are looked at one by one


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """How late the steps of the power are by the markers; positive if power comes after them."""

    stage: str
    n_stages: int
    correlation: float
    """Of the power with the stages, shifted onto each other."""
    begin: Offset
    end: Offset
    clock_bound_s: float
    """How far the sender's clock may be off, at most."""
    time_bound_s: float
    """How far the times of the samples may be off, at most."""

    @property
    def bound_s(self) -> float:
        """Return how much of an offset the clocks may explain."""
        return self.clock_bound_s + self.time_bound_s


def align(recording: Recording, stage: str | None) -> Alignment:
    """Return how late the power steps at the edges of a stage.

    Parameters
    ----------
    stage
        Name; None takes the bursts that were made for it.

    Raises
    ------
    RecordingError
        If there is no such stage, or the power does not follow it.
    """
    name = stage or BURST
    stages = _stages(recording, name)
    info = recording.info
    begins = _indices(recording, [each.start_ns for each in stages])
    ends = _indices(recording, [each.stop_ns or 0 for each in stages])
    away, correlation = _shift(recording, begins, ends)
    # Few edges fit some other power by chance.
    least = max(_ALIKE, _BY_CHANCE / math.sqrt(2 * len(stages)))
    if not correlation >= least:
        raise RecordingError(
            f"{recording.path}: expected power that follows the stages {name!r}, got a correlation"
            f" of {correlation:.2f}, below {least:.2f}; take more stages with pauses between them,"
            " such as the bursts of `wattstage align --burst`, and look whether the probes are on"
            " that computer's supply"
        )
    every = [*begins, *ends]
    found = [_offset(recording, edges, every, away) for edges in (begins, ends)]
    return Alignment(
        stage=name,
        n_stages=len(stages),
        correlation=correlation,
        begin=found[0],
        end=found[1],
        clock_bound_s=max(each.uncertainty_ns for each in stages) / NS,
        time_bound_s=info.t0_uncertainty_ns / NS,
    )


def _stages(recording: Recording, name: str) -> list[Stage]:
    every = recording.stage_tree.stages(recording.info.time_ns(recording.bounds[1]))
    there = [each for each in every if each.name == name]
    whole = [each for each in there if each.stop_ns is not None and not each.truncated]
    if whole:
        return whole
    names = ", ".join(f"{n} ({k})" for n, k in Counter(each.name for each in every).most_common(8))
    what = f"{len(there)} of which none is whole" if there else "none"
    raise RecordingError(
        f"{recording.path}: expected stages {name!r}, got {what}; it holds {names or 'no stage'};"
        " choose one of them with --stage, or make bursts with `wattstage align --burst`"
    )


def _indices(recording: Recording, times_ns: Sequence[int]) -> NDArray[np.float64]:
    since_ns = np.asarray(times_ns, np.int64) - recording.info.t0_ns
    return np.asarray(since_ns * (recording.info.sample_rate_hz / NS), np.float64)


def _cycle(recording: Recording) -> float:
    """Return the samples of a line cycle; 0 on DC."""
    if recording.supply is not Supply.MAINS:
        return 0.0
    return recording.peak_window_s * recording.info.sample_rate_hz


def _shift(
    recording: Recording, begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[float, float]:
    """Return by how many samples the power is later, to a cell, and the correlation then."""
    rate_hz = recording.info.sample_rate_hz
    first, last = recording.bounds
    start = max(first, math.floor(begins.min() - _MARGIN_S * rate_hz))
    stop = min(last, math.ceil(ends.max() + _MARGIN_S * rate_hz))
    cell = max(_cycle(recording) or _CELL_S * rate_hz, 1.0, (stop - start) / _MOST_CELLS)
    n = int((stop - start) / cell)
    if n < 2:
        return 0.0, math.nan
    edges = start + np.arange(n + 1) * cell
    sums, captured = recording.cumulative(np.rint(edges).astype(np.int64))
    count = np.diff(captured)
    power_w = np.where(count > cell / 2, np.diff(sums[-1]) / np.maximum(count, 1), np.nan)
    gate = np.zeros(n)
    for begin, end in zip(begins, ends, strict=True):
        gate += np.clip(np.minimum(end, edges[1:]) - np.maximum(begin, edges[:-1]), 0, None) / cell
    cells, correlation = shift(gate, power_w, round(_FURTHEST_S * rate_hz / cell))
    return (cells * cell if abs(cells) > 1 else 0.0), correlation


def _offset(
    recording: Recording, edges: NDArray[np.float64], every: Sequence[float], away: float
) -> Offset:
    first, last = recording.bounds

    def read(start: int, stop: int) -> NDArray[np.floating]:
        out = np.full(stop - start, np.nan, np.float32)
        a, b = max(start, first), min(stop, last)
        if a < b:
            out[a - start : b - start] = recording.read(a, b)[-1]
        return out

    inside = edges[(edges + away >= first) & (edges + away < last)]
    few = inside[:: max(1, math.ceil(inside.size / _MOST_EDGES))]
    rate_hz = recording.info.sample_rate_hz
    moved = [each + away for each in every]
    found = offset([each + away for each in few], moved, read, rate_hz, cycle=_cycle(recording))
    return found.later(away / rate_hz)
