"""Compares the summaries of a file with what its codes give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.passing_cycles import PassingCycles
from monitor.dsp.reduction import Reduction
from monitor.recording.levels import Level
from monitor.recording.reader import Recording

_LONGEST = 1 << 20  # samples of a bin of totals: one is held in memory
_RTOL = 1e-9  # sums depend on the pieces in which they are added


def wrong_summaries(recording: Recording, progress: Callable[[float], None]) -> str | None:
    """Return the first place where they differ; empty if nowhere, None if there are none.

    Raises
    ------
    RecordingError
        If samples cannot be read.
    UnusableSummariesError
        If summaries cannot be read, or are not those of their checksums.
    """
    levels, info = recording.levels, recording.info
    if levels is None or levels.first:  # of a part alone they begin in the one before
        return None
    n_signals = len(info.channels) + 1
    hops = [[level.hop for level in each] for each in (levels.extremes, levels.totals)]
    if hops[1][0] % hops[0][0] or hops[1][0] > _LONGEST:
        return None  # of another's making: nothing to compare with
    reduction = Reduction(n_signals, *hops)
    cycles = PassingCycles(info.channels, info.sample_rate_hz, info.supply)
    compared = [_Compared(f"extremes {k}", level) for k, level in enumerate(levels.extremes)]
    totals = [_Compared(f"totals {k}", level) for k, level in enumerate(levels.totals)]
    periods = _Compared("line cycles", levels.cycles)
    for start, signals, share in recording.passing():
        reduction.append(signals)
        cycles.append(start, signals)
        reduced = reduction.take()
        pairs: Sequence[tuple[_Compared, NDArray[Any]]] = [
            *zip(compared, reduced.extremes, strict=True),
            *zip(totals, reduced.totals, strict=True),
            (periods, cycles.take()),
        ]
        for one, found in pairs:
            if wrong := one.differs(found):
                return wrong
        progress(share)
    for one in (*compared, *totals, *((periods,) if recording.closed else ())):
        if one.n_seen < one.n or (recording.closed and one.n_seen > one.n):
            return f"{one.name} has {one.n} bins, expected {one.n_seen}"
    return ""


class _Compared:
    """One level, read along with what is expected of it."""

    def __init__(self, name: str, level: Level) -> None:
        self.name, self._level, self.n = name, level, level.n
        self.n_seen = 0

    def differs(self, expected: NDArray[Any]) -> str:
        """Return where the next bins differ; empty if nowhere."""
        first = self.n_seen
        self.n_seen += expected.shape[1]
        stop = min(self.n_seen, self.n)
        if stop <= first:
            return ""
        found, expected = self._level.read(first, stop), expected[:, : stop - first]
        if found.shape != expected.shape:
            return f"{self.name} cannot be compared"
        with np.errstate(invalid="ignore"):
            error = np.abs(found - expected)
        same = (error <= _RTOL * self._size(expected, first)) | (found == expected)
        same |= np.isnan(found) & np.isnan(expected)
        if same.all():
            return ""
        return f"{self.name}, bin {first + int(np.flatnonzero(~same.all(axis=0))[0])}"

    def _size(self, expected: NDArray[Any], first: int) -> NDArray[Any]:
        """Return how large what was added may have been; sums of what alternates are small."""
        size: NDArray[Any] = np.abs(expected)
        if self.name.startswith("totals"):
            half = len(size) // 2
            n = (1 + first + np.arange(size.shape[1])) * self._level.hop
            size[:half] = np.sqrt(n * size[half:])  # Cauchy-Schwarz: at least the sum of |x|
        return size
