"""Where the energy of a session went: every instant belongs to one stage, or to none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.dsp import energy
from monitor.dsp.slow_energy import Totals as SlowTotals
from monitor.dsp.slow_energy import slow_energy
from monitor.dsp.uncertainty import calibration_share
from monitor.model import (
    NS,
    SlowChannel,
    Stage,
    StageEnergy,
    StageTable,
    StreamInfo,
    Totals,
    Unattributed,
)


class Samples(Protocol):
    """What is asked about the samples: a history or a recording answers."""

    @property
    def peak_window_s(self) -> float:
        """Over what a peak is a mean: a line cycle on mains, a sample on DC."""

    def cumulative(
        self, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums of the signals (power last) and of the captured samples."""

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return sums and counts, one fewer than edges, of what may stand for dead time."""

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in ``[start, stop)`` in W; NaN if nothing was captured."""


def attribute(  # noqa: PLR0917  # the order in which one would say it
    stages: Sequence[Stage],
    info: StreamInfo,
    start: int,
    stop: int,
    samples: Samples,
    session: str,
    slow: Mapping[SlowChannel, SlowTotals] = MappingProxyType({}),
    *,
    growing: bool = False,
) -> StageTable:
    """Return what each stage used of the energy in ``[start, stop)``.

    The timeline is cut at every edge of a stage; each slice belongs to the deepest stage that is
    running (of siblings that overlap, the later), or to nobody. Dead time is filled per slice.
    A stage has its own slices and those of all stages in it, so leaf stages and the unattributed
    rest add up to the total.

    Parameters
    ----------
    stages
        Sorted by start; those that are running end at ``stop``. One that was over before
        ``start``, of which a sender told a late listener, is left out.
    start, stop
        Sample indices of the session; nothing is extrapolated beyond them.
    session
        The recording's name, or ``live``.
    slow
        Of the slow channels; measured powers are billed beside the samples.
    growing
        Whether samples still come, so that none is missing at the end of a stage.
    """
    stop = max(start, stop)
    stages = _not_over(stages, info.time_ns(start))
    starts, stops = _inside(stages, info, start, stop)
    depths = np.asarray([stage.depth for stage in stages], np.int64)
    parents = _parents(stages)
    slices = energy.cut(start, stop, starts, stops, depths)
    sums, n = samples.cumulative(slices.edges)
    basis = samples.steady(slices.edges)
    filled = energy.fill(
        slices, np.diff(sums[-1]), np.diff(n), basis, parents=parents, depths=depths
    )
    # Per stage: sum of the power, captured samples, samples there should be.
    own = [
        energy.gather(slices.owners, values.astype(np.float64), len(stages))
        for values in (filled, np.diff(n), slices.lengths)
    ]
    joules, captured, owned = (energy.roll_up(values[:-1], parents, depths) for values in own)
    rate, length = info.sample_rate_hz, stop - start
    outside = _outside(stages, info.time_ns(start), None if growing else info.time_ns(stop))
    leaf = np.asarray([stage.leaf for stage in stages] + [False])
    rest_j, total_j = float(own[0][~leaf].sum()) / rate, float(own[0].sum()) / rate
    rest_s = float(own[2][~leaf].sum()) / rate

    def everyones(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the slices of each stage, of the unattributed rest, of the session."""
        each = energy.gather(slices.owners, values, len(stages))
        rolled = energy.roll_up(each[:-1], parents, depths)
        return np.concatenate((rolled, [each[~leaf].sum(), each.sum()]))

    uncertain = calibration_share(
        info.channels,
        energy_j=np.concatenate((joules / rate, [rest_j, total_j])),
        duration_s=np.concatenate((owned / rate, [rest_s, length / rate])),
        sums=np.diff(sums[:-1]),
        n=np.diff(n),
        together=everyones,
    )
    return StageTable(
        session=session,
        total=Totals(
            energy_j=total_j,
            duration_s=length / rate,
            mean_w=float(own[0].sum()) / length if length else math.nan,
            peak_w=samples.peak(start, stop) if length else math.nan,
            coverage=int(n[-1] - n[0]) / length if length else 0.0,
            u_j=uncertain[-1],
        ),
        unattributed=Unattributed(
            energy_j=rest_j,
            duration_s=rest_s,
            u_j=uncertain[-2],
        ),
        peak_window_s=samples.peak_window_s,
        stages=tuple(
            StageEnergy(
                stage=stage,
                duration_s=(b - a) / rate,
                energy_j=joule / rate,
                mean_w=joule / (b - a) if b > a and should else math.nan,
                peak_w=samples.peak(a, b) if b > a else math.nan,
                coverage=has / should if should else 0.0,
                outside_s=outside_ns / NS,
                u_j=u,
            )
            for stage, a, b, joule, has, should, outside_ns, u in zip(
                stages,
                starts.tolist(),
                stops.tolist(),
                joules.tolist(),
                captured.tolist(),
                owned.tolist(),
                outside,
                uncertain[:-2],
                strict=True,
            )
        ),
        slow=tuple(
            found
            for channel, totals in slow.items()
            if channel.is_power
            and (found := slow_energy(channel, totals, slices, info, parents, depths, leaf))
        ),
    )


def _inside(
    stages: Sequence[Stage], info: StreamInfo, start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sample indices between which each stage lies in the session."""
    starts_ns = np.asarray([stage.start_ns for stage in stages], np.int64)
    stops_ns = np.asarray(
        [stage.start_ns if stage.stop_ns is None else stage.stop_ns for stage in stages], np.int64
    )
    starts, stops = (
        np.ceil((times - info.t0_ns) * info.sample_rate_hz / NS - 1e-6).astype(np.int64)
        for times in (starts_ns, stops_ns)
    )
    stops[[stage.stop_ns is None for stage in stages]] = stop
    starts = np.clip(starts, start, stop)
    return starts, np.clip(stops, starts, stop)


def _outside(stages: Sequence[Stage], start_ns: int, stop_ns: int | None) -> list[int]:
    """Return the ns of each stage before ``start_ns`` and, if that is known, after ``stop_ns``."""
    return [
        max(min(start_ns, _end(stage, start_ns)) - stage.start_ns, 0)
        + (0 if stop_ns is None else max(_end(stage, stop_ns) - max(stop_ns, stage.start_ns), 0))
        for stage in stages
    ]


def _end(stage: Stage, running_ns: int) -> int:
    return running_ns if stage.stop_ns is None else stage.stop_ns


def _not_over(stages: Sequence[Stage], time_ns: int) -> list[Stage]:
    """Return the stages that reach into the time from ``time_ns`` on, and those around them."""
    kept: set[tuple[str, str]] = set()
    found = []
    for stage in sorted(stages, key=lambda stage: -stage.depth):
        reaches = stage.start_ns >= time_ns or stage.stop_ns is None or stage.stop_ns > time_ns
        if reaches or (stage.run_id, stage.span_id) in kept:
            kept.add((stage.run_id, stage.parent_id))
            found.append(id(stage))
    chosen = frozenset(found)
    return [stage for stage in stages if id(stage) in chosen]


def _parents(stages: Sequence[Stage]) -> NDArray[np.int64]:
    """Return the number of the stage that each lies in, NOBODY at the root."""
    places = {(stage.run_id, stage.span_id): k for k, stage in enumerate(stages) if stage.span_id}
    found = [places.get((stage.run_id, stage.parent_id), energy.NOBODY) for stage in stages]
    return np.asarray(
        [
            parent
            if parent != energy.NOBODY and stages[parent].depth == stage.depth - 1
            else energy.NOBODY
            for stage, parent in zip(stages, found, strict=True)
        ],
        np.int64,
    )
