"""What the rows of the stage table say; pure, and without Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.model import NS, HeldEnergy, Stage, StageEnergy, StageTable
from monitor.slow_text import names
from monitor.units import about, duration, give_or_take, share, si
from ui.quantities import clock
from ui.stages import edges_text

COLUMNS: tuple[str, ...] = (
    "Stage",
    "No.",
    "Start",
    "Duration",
    "Energy",
    "Mean",
    "Peak",
    "Coverage",
)
PEAK = 6
"""Position of the peak, which says over what it is a mean."""

_LONGEST_SAMPLE_S = 0.005  # a peak over less is one of a sample, not of a line cycle


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says, and what it sorts by."""

    texts: tuple[str, ...]
    keys: tuple[float | str, ...]
    stage: Stage | None
    """None for the total and the rest."""
    about: str = ""
    """What is said of it under the pointer."""
    dim: bool = False
    """Whether it was not measured."""


def columns(table: StageTable) -> tuple[str, ...]:
    """Return the titles of the columns; two more for each slow power channel."""
    called = names([slow.channel for slow in table.slow])
    over = "1 cycle" if table.peak_window_s > _LONGEST_SAMPLE_S else "1 sample"
    plain = (*COLUMNS[:PEAK], f"Peak, {over}", *COLUMNS[PEAK + 1 :])
    return (*plain, *(title for name in called for title in (name, "Coverage")))


def _texts(held: Iterable[HeldEnergy]) -> Iterator[str]:
    for used in held:
        yield si(used.energy_j, "J")
        yield share(used.coverage)


def _keys(held: Iterable[HeldEnergy]) -> Iterator[float]:
    for used in held:
        yield used.energy_j
        yield used.coverage


def stage_row(used: StageEnergy, origin_ns: int, held: Sequence[HeldEnergy] = ()) -> Row:
    """Return the row of a stage; its name is indented by its depth.

    Parameters
    ----------
    held
        What each slow power channel says that it used.
    """
    stage = used.stage
    start_s = (stage.start_ns - origin_ns) / NS
    cut = " (cut)" if stage.truncated or used.outside_s else ""
    failed = " (failed)" if stage.failed else ""
    running = " …" if stage.stop_ns is None else ""
    return Row(
        (
            "    " * stage.depth + stage.name + failed + cut + running,
            str(stage.index + 1),
            clock(start_s, 2),
            duration(used.duration_s),
            about(give_or_take(used.energy_j, used.u_j, "J"), used.is_estimate),
            about(si(used.mean_w, "W"), used.is_estimate),
            si(used.peak_w, "W"),
            share(used.coverage),
            *_texts(held),
        ),
        (
            stage.path,
            stage.index,
            start_s,
            used.duration_s,
            used.energy_j,
            used.mean_w,
            used.peak_w,
            used.coverage,
            *_keys(held),
        ),
        stage,
        _about(used),
        used.is_estimate,
    )


def _about(used: StageEnergy) -> str:
    """Return what is said about a stage under the pointer."""
    stage = used.stage
    missing = f"{duration(used.outside_s)} of it not recorded" if used.outside_s else ""
    never = "an edge was never marked" if stage.truncated else ""
    failed = "it ended with an error" if stage.failed else ""
    first = "a warm-up" if stage.warmup else ""
    name = stage.path.replace("/", " / ")
    guess = "nothing of it was captured: the mean power of what is around it"
    return ", ".join(
        filter(
            None,
            (
                name,
                first,
                edges_text(stage),
                failed,
                never,
                missing,
                guess if used.is_estimate else "",
            ),
        )
    )


def first_rows(table: StageTable) -> tuple[Row, Row]:
    """Return the total and the unattributed rest."""
    rest, total = table.unattributed, table.total
    mean_w = rest.energy_j / rest.duration_s if rest.duration_s > 0 else math.nan
    return (
        Row(
            ("total", "", "", duration(total.duration_s),
             give_or_take(total.energy_j, total.u_j, "J"),
             si(total.mean_w, "W"), si(total.peak_w, "W"), share(total.coverage),
             *_texts(slow.total for slow in table.slow)),
            (), None,
        ),
        Row(
            ("unattributed", "", "", duration(rest.duration_s),
             give_or_take(rest.energy_j, rest.u_j, "J"),
             si(mean_w, "W"), "", "", *_texts(slow.unattributed for slow in table.slow)),
            (), None,
        ),
    )  # fmt: skip
