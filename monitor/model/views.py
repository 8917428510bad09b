"""What is drawn: summaries of columns, and the curves of one window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.model.session import Snapshot
from monitor.model.slow import SlowView
from monitor.model.stages import Timeline


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of a set of samples; the summary of a union is the sum of summaries."""

    n: int = 0
    sum: float = 0.0
    sum_sq: float = 0.0
    min: float = math.inf
    max: float = -math.inf

    @classmethod
    def of(cls, samples: NDArray[np.floating]) -> Self:
        """Summarise samples of any shape."""
        if samples.size == 0:
            return cls()
        wide = samples.astype(np.float64)
        return cls(
            int(wide.size),
            float(wide.sum()),
            float(np.square(wide).sum()),
            float(wide.min()),
            float(wide.max()),
        )

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.n + other.n,
            self.sum + other.sum,
            self.sum_sq + other.sum_sq,
            min(self.min, other.min),
            max(self.max, other.max),
        )

    @property
    def mean(self) -> float:
        """Return the arithmetic mean; NaN of nothing."""
        return self.sum / self.n if self.n else math.nan

    @property
    def rms(self) -> float:
        """Return the root mean square; NaN of nothing."""
        return math.sqrt(self.sum_sq / self.n) if self.n else math.nan


@dataclass(frozen=True, slots=True)
class View:
    """What a plot of one span needs, reduced to its pixel columns.

    Column ``k`` covers the samples ``[edges[k], edges[k + 1])``. NaN means that no sample was
    captured there.
    """

    edges: NDArray[np.int64]
    """Shape (n + 1,): sample indices."""
    low: NDArray[np.float32]
    """Shape (n_signals, n): minimum of each channel in its unit, then of the total power in W."""
    high: NDArray[np.float32]
    """Shape (n_signals, n): maximum, likewise."""
    averages_w: NDArray[np.float32]
    """Shape (n_average_windows, n): rolling mean of the power at the end of each column."""
    ramps_w_per_s: NDArray[np.float32]
    """Shape (n_ramp_windows, n): ramp rate at the end of each column."""
    average_lines_w: NDArray[np.float32] | None = None
    """Shape (2, n_average_windows, n): the lowest and the highest to draw in each column. On mains
    the shortest is the mean of each line cycle over that cycle, and NaN where none was captured
    whole. None: ``averages_w``."""
    ramp_lines_w_per_s: NDArray[np.float32] | None = None
    """Shape (2, n_ramp_windows, n): likewise; no extreme falls between columns. None:
    ``ramps_w_per_s``."""
    coverage: NDArray[np.float32] | None = None
    """Shape (n,): captured share of each column, 0 to 1; None if it is not known."""


@dataclass(frozen=True, slots=True)
class Frame:
    """All that a window draws at once."""

    snapshot: Snapshot
    view: View | None
    """None while nothing was captured."""
    timeline: Timeline
    slow: tuple[SlowView, ...] = ()
    """Of the same span as the view; one per slow channel, as in the snapshot."""
