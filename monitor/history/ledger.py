"""What stages used, kept for as long as the session runs.

The ring forgets old samples; a running total at every stage edge does not grow with the data, so
a stage of six hours ago still has its exact energy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.history.history import History

_SETTLING_S = 0.1  # until a line cycle is found that has ended: several of them


class Ledger:
    """Running totals and peaks of a history at the places that were asked for.

    Answers like the history itself, also for what the history has forgotten, if it was asked
    while the history still knew.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._totals: dict[int, tuple[NDArray[np.float64], int]] = {}
        self._peaks: dict[tuple[int, int], float] = {}
        self._steady: dict[tuple[int, int], tuple[float, float]] = {}
        self._scanned: dict[int, tuple[int, float]] = {}
        self._supply = history.supply
        self._settling = round(_SETTLING_S * history.info.sample_rate_hz)

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean: a line cycle on mains, a sample on DC."""
        return self._history.peak_window_s

    def cumulative(self, indices: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sum of every signal and the captured samples up to each index.

        Parameters
        ----------
        indices : shape (k,)
            Sample indices.

        Returns
        -------
        sums : shape (n_signals, k)
            In each signal's unit times samples.
        n : shape (k,)
        """
        places = [int(i) for i in np.atleast_1d(np.asarray(indices, np.int64))]
        unknown = sorted(set(places) - self._totals.keys())
        fresh: dict[int, tuple[NDArray[np.float64], int]] = {}
        if unknown:
            sums, n = self._history.cumulative(np.asarray(unknown, np.int64))
            fresh = {at: (sums[:, k], int(n[k])) for k, at in enumerate(unknown)}
            newest = self._history.bounds[1]
            self._totals.update((at, total) for at, total in fresh.items() if at < newest)
        found = [fresh[at] if at in fresh else self._totals[at] for at in places]
        return (
            np.stack([sums for sums, _ in found], axis=1),
            np.asarray([n for _, n in found], np.int64),
        )

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        self._follow_supply()
        fresh = np.stack(self._history.steady(edges))
        oldest, newest = self._settled
        pairs = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        for k, (start, stop) in enumerate(pairs):
            known = self._steady.get((start, stop))
            if known is not None:
                fresh[:, k] = known
            elif oldest <= start and stop < newest:
                self._steady[start, stop] = float(fresh[0, k]), float(fresh[1, k])
        return fresh[0], fresh[1]

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in ``[start, stop)`` in W: line-cycle mean, or sample on DC."""
        self._follow_supply()
        known = self._peaks.get((start, stop))
        if known is not None:
            return known
        oldest, newest = self._settled
        until, peak = self._scanned.get(start, (start, float("nan")))
        if stop < until and start >= oldest:
            until, peak = start, float("nan")  # another stage of the same start, or a late end
        settled = min(stop, newest)
        if until < settled:
            peak = self._higher(peak, max(start, until - self._settling), settled)
            until, self._scanned[start] = settled, (settled, peak)
        # Of a stage that runs, the end may be told late: what may lie beyond it is not kept.
        highest = self._higher(peak, max(start, until - self._settling), stop)
        if np.isnan(highest):  # no cycle lies inside
            highest = self._history.peak(start, stop)
        if stop < newest:
            self._peaks[start, stop] = highest
        return highest

    def _higher(self, peak: float, start: int, stop: int) -> float:
        return float(np.fmax(peak, self._history.peak(start, stop, inside=True)))

    def _follow_supply(self) -> None:
        """Forget what was found before it was known that line cycles are what counts."""
        if self._supply is not self._history.supply:
            self._supply = self._history.supply
            self._peaks.clear()
            self._scanned.clear()
            self._steady.clear()

    @property
    def _settled(self) -> tuple[int, int]:
        """Return the oldest sample that is remembered, and before which no cycle is to come."""
        oldest, newest = self._history.bounds
        return oldest, newest - self._settling
