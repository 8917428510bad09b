"""By how much markers lie beside the steps of the power that they announce."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.transition import Miss, Transition, transition

_LONGEST_REACH_S = 0.5  # around an edge; what is further away is of no use
_APART = 0.9  # of the time to the next edge that belongs to this one
_NORMAL = 1.4826  # standard deviation of normal noise, by its median absolute deviation
_OF_MEDIAN = math.sqrt(math.pi / 2)  # its standard error, by that of a mean
_SEEN = 0.6  # of the bursts that must be captured; a few would fit anywhere
_LEAST = 3  # edges, of which a median says something

Read = Callable[[int, int], NDArray[np.floating]]
"""Power in W of samples ``[start, stop)``; NaN where nothing was captured."""


@dataclass(frozen=True, slots=True)
class Offset:
    """How late the steps of the power are, by the markers."""

    n_edges: int
    n_seen: int
    n_not_captured: int
    n_no_step: int
    middle_s: float
    """Median of the middles of the steps; NaN if too few were seen."""
    u_s: float
    """Standard uncertainty of the median (k = 1), by how the edges scatter and samples lie."""
    onset_s: float
    """Median of their onsets, a tenth of the step; NaN on mains."""
    step_w: float
    """Median height of the steps; negative if power falls."""
    smoothing_s: float
    """Time over which power was averaged; an onset is seen up to half of it too early."""

    def later(self, by_s: float) -> Offset:
        """Return it for markers that were taken to be ``by_s`` later than they are."""
        return replace(self, middle_s=self.middle_s + by_s, onset_s=self.onset_s + by_s)


def offset(
    edges: Sequence[float], others: Sequence[float], read: Read, rate_hz: float, *, cycle: float
) -> Offset:
    """Return how late the power steps at some edges.

    Parameters
    ----------
    edges
        Sample indices of the markers, e.g. the begins of bursts.
    others
        Those of all edges near which the power may step, these among them.
    read
        Gives the power.
    rate_hz
        Of the samples.
    cycle
        Samples of a line cycle; 0 on DC.
    """
    every = np.unique(np.asarray(others, np.float64))
    found = [_at(edge, every, read, rate_hz, cycle) for edge in edges]
    seen = [
        (each, edge)
        for each, edge in zip(found, edges, strict=True)
        if isinstance(each, Transition)
    ]
    late_s = np.asarray([(each.at - edge) / rate_hz for each, edge in seen])
    onsets_s = np.asarray([(each.onset - edge) / rate_hz for each, edge in seen])
    enough = late_s.size >= _LEAST
    coarse_s = 1 / (rate_hz * math.sqrt(12))
    scatter_s = _NORMAL * float(np.median(np.abs(late_s - np.median(late_s)))) if enough else 0.0
    known = onsets_s[~np.isnan(onsets_s)]
    return Offset(
        n_edges=len(found),
        n_seen=late_s.size,
        n_not_captured=sum(each is Miss.NOT_CAPTURED for each in found),
        n_no_step=sum(each is Miss.NO_STEP for each in found),
        middle_s=float(np.median(late_s)) if enough else math.nan,
        u_s=math.hypot(_OF_MEDIAN * scatter_s / math.sqrt(late_s.size), coarse_s)
        if enough
        else math.nan,
        onset_s=float(np.median(known)) if known.size >= _LEAST else math.nan,
        step_w=float(np.median([t.after_w - t.before_w for t, _ in seen])) if seen else math.nan,
        smoothing_s=max((each.smoothing for each, _ in seen), default=math.nan) / rate_hz,
    )


def shift(
    gate: NDArray[np.floating], power_w: NDArray[np.floating], most: int
) -> tuple[int, float]:
    """Return how many cells the power is later than the gate, and their correlation then.

    Parameters
    ----------
    gate : shape (n,)
        Share of each cell in which a burst was on; 0 beyond.
    power_w : shape (n,)
        Mean power of each cell; NaN where nothing was captured.
    most
        Cells that are searched to both sides.

    Returns
    -------
    cells, correlation
        Of Pearson, over the captured cells; (0, NaN) if one of the two does not change, or too
        little of the bursts was captured.
    """
    n = gate.size
    known = ~np.isnan(power_w)
    power = np.where(known, power_w, 0.0)
    power = np.where(known, power - power[known].mean(), 0.0) if known.any() else power
    size = 1 << math.ceil(math.log2(max(2 * n, 2)))
    of_gate, of_square = (np.conj(np.fft.rfft(each, size)) for each in (gate, np.square(gate)))
    of_known, of_power = (np.fft.rfft(each, size) for each in (known.astype(np.float64), power))
    lags = np.arange(-min(most, n - 1), min(most, n - 1) + 1)
    both = np.fft.irfft(of_gate * of_power, size)[lags]
    on = np.fft.irfft(of_gate * of_known, size)[lags]
    squares = np.fft.irfft(of_square * of_known, size)[lags]
    total, energy, count = float(power.sum()), float(np.square(power).sum()), int(known.sum())
    if not count:
        return 0, math.nan
    spread = np.maximum(count * squares - np.square(on), 0) * max(count * energy - total**2, 0.0)
    tiny = 1e-9 * count**2 * max(energy, 1e-300)
    usable = (spread > tiny) & (on >= _SEEN * float(gate.sum()))
    if not usable.any():
        return 0, math.nan
    alike = np.where(usable, (count * both - on * total) / np.sqrt(np.where(usable, spread, 1)), -2)
    best = int(np.argmax(alike))
    return int(lags[best]), float(alike[best])


def _at(
    edge: float, every: NDArray[np.float64], read: Read, rate_hz: float, cycle: float
) -> Transition | Miss:
    """Return the step near an edge, with its places in samples of the session."""
    apart = np.abs(every - edge)
    near = float(apart[apart > 0.5].min(initial=math.inf))
    reach = min(_APART * near, _LONGEST_REACH_S * rate_hz)
    margin = math.ceil(reach + cycle) + 1
    start = math.floor(edge) - margin
    power = read(start, start + 2 * margin + 1)
    found = transition(power, edge - start, reach, rate_hz, cycle=cycle)
    if isinstance(found, Miss):
        return found
    return Transition(
        found.at + start, found.onset + start, found.before_w, found.after_w, found.smoothing
    )
