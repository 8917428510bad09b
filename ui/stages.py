"""Where the stage bands and the marks of a timeline stand, as arrays; pure, and without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.model import NS, Marker, Stage, StageEnergy, StreamInfo, Timeline
from monitor.units import about, duration, give_or_take, share, si
from ui.presenter import stage_name


@dataclass(frozen=True, slots=True)
class Bands:
    """A timeline in seconds since the session began.

    Arrays have one entry for each stage, or for each mark.
    """

    stages: tuple[Stage, ...] = ()
    start_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    stop_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Of a running stage, the newest sample."""
    depth: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    edge_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Within so much to both sides its edges are right."""
    leaf: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    marks: tuple[Marker, ...] = ()
    mark_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def n_rows(self) -> int:
        """Return how many rows the nested stages need."""
        return int(self.depth.max()) + 1 if len(self.depth) else 0

    def at(self, time_s: float, depth: int, slack_s: float = 0.0) -> Stage | None:
        """Return the stage of a row at a time; None if there is none within the slack."""
        hit = (self.depth == depth) & (self.start_s <= time_s) & (time_s < self.stop_s)
        if not hit.any() and slack_s > 0:
            near = (self.start_s - slack_s <= time_s) & (time_s < self.stop_s + slack_s)
            hit = (self.depth == depth) & near
        where = np.flatnonzero(hit)
        return self.stages[int(where[-1])] if len(where) else None

    def path_at(self, time_s: float) -> tuple[Stage, ...]:
        """Return the stages that run at a time, outermost first."""
        hit = np.flatnonzero((self.start_s <= time_s) & (time_s < self.stop_s))
        return tuple(sorted((self.stages[int(k)] for k in hit), key=lambda stage: stage.depth))


def bands(timeline: Timeline, info: StreamInfo, start: int, stop: int) -> Bands:
    """Return where a timeline's stages stand.

    Parameters
    ----------
    start, stop
        Sample indices of the session's first sample and of the one after its newest.
    """
    origin_ns = info.time_ns(start)
    newest_s = (stop - start) / info.sample_rate_hz
    stages = timeline.stages
    begins = np.array([s.start_ns - origin_ns for s in stages], np.float64) / NS
    ends = np.array(
        [np.nan if s.stop_ns is None else s.stop_ns - origin_ns for s in stages], np.float64
    )
    ends = np.where(np.isnan(ends), np.maximum(newest_s, begins), ends / NS)
    return Bands(
        stages=stages,
        start_s=begins,
        stop_s=ends,
        depth=np.array([s.depth for s in stages], np.intp),
        edge_s=np.array([s.uncertainty_ns for s in stages], np.float64) / NS,
        leaf=np.array([s.leaf for s in stages], np.bool_),
        marks=timeline.marks,
        mark_s=np.array([m.time_ns - origin_ns for m in timeline.marks], np.float64) / NS,
    )


def labels(stage: Stage) -> tuple[str, ...]:
    """Return what a stage's band may say, the fullest first."""
    full = stage_name(stage)
    if full == stage.name:
        return (full,)
    count = full.rpartition(" ")[2]
    return full, count, count.partition("/")[0]


def edges_text(stage: Stage) -> str:
    """Return within what the edges of a stage are right; empty if as the sender says."""
    return f"edges ±{si(stage.uncertainty_ns / NS, 's', 2)}" if stage.uncertainty_ns else ""


def describe(stage: Stage, now_ns: int, used: StageEnergy | None = None) -> str:
    """Return what is said about a stage under the pointer.

    Parameters
    ----------
    used
        None if that is not known yet.
    """
    stop_ns = now_ns if stage.stop_ns is None else stage.stop_ns
    length = duration(max(stop_ns - stage.start_ns, 0) / NS)
    count = "" if stage.total is None else f"{stage.index + 1} of {stage.total}, "
    running = ", running" if stage.stop_ns is None else ""
    failed = ", it ended with an error" if stage.failed else ""
    cut = ", an edge is missing" if stage.truncated else ""
    edges = f", {text}" if (text := edges_text(stage)) else ""
    spent = f"\n{_spent(used)}" if used is not None else ""
    return f"{stage.path.replace('/', ' / ')}\n{count}{length}{running}{failed}{cut}{edges}{spent}"


def _spent(used: StageEnergy) -> str:
    """Return what a stage used."""
    energy = about(give_or_take(used.energy_j, used.u_j, "J"), used.is_estimate)
    mean = about(si(used.mean_w, "W"), used.is_estimate)
    return f"{energy}, mean {mean}, peak {si(used.peak_w, 'W')}, {share(used.coverage)} captured"


def mark_text(mark: Marker) -> str:
    """Return what a mark's flag says."""
    text = mark.attrs.get("text")
    return str(text) if text else mark.stage
