"""The stage table in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from monitor import slow_text
from monitor.model import NS, HeldEnergy, SlowEnergy, StageEnergy, StageTable
from monitor.units import about, duration, give_or_take, share, si, window

_MOST_ROWS = 8  # stages of one kind in a row that are told one by one
_LONGEST_SAMPLE_S = 0.005  # a peak over less is one of a sample, not of a line cycle
_BESIDE = 2  # slow channels of a table of their own: what fits into 80 columns


@dataclass(frozen=True, slots=True)
class StageText:
    """A stage table for reading.

    Each slow power channel has two columns: what it says that the stage used, and for which share
    of the stage its readings hold. Where there is no room for them, they follow in tables of
    their own.
    """

    table: StageTable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Yield what fits the console."""
        slow = self.table.slow
        whole = self._table(_PLAIN, slow)
        wide = options.update(max_width=10_000)
        if not slow or Measurement.get(console, wide, whole).maximum <= options.max_width:
            yield whole
            return
        yield self._table(_PLAIN, ())
        for first in range(0, len(slow), _BESIDE):
            yield self._table(_PLAIN[:2], slow[first : first + _BESIDE])

    def _table(self, plain: tuple[str, ...], slow: tuple[SlowEnergy, ...]) -> Table:
        """Return a table with the first of the columns of the samples, and slow channels."""
        table, n = self.table, 1 + len(plain)
        out = Table(
            title=f"Stages of {table.session}",
            caption=_caption(table) if plain == _PLAIN else "",
            title_justify="left",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1),
        )
        out.add_column("stage", no_wrap=True)
        for name in plain:
            out.add_column(name, justify="right", no_wrap=True)
        channels = [each.channel for each in table.slow]
        called = dict(zip(channels, slow_text.names(channels), strict=True))
        for each in slow:
            out.add_column(called[each.channel], justify="right", no_wrap=True)
            out.add_column("coverage", justify="right", no_wrap=True)
        first = 0
        for group in _grouped(table.stages):
            out.add_row(*_stage_row(group)[:n], *_slow_cells(slow, group, first))
            first += len(group)
        rest, total = table.unattributed, table.total
        spent = ("", duration(rest.duration_s), _joules(rest.energy_j, rest.u_j), "", "", "")
        out.add_section()
        out.add_row("unattributed", *spent[: n - 1], *_cells(s.unattributed for s in slow))
        spent = (
            "",
            duration(total.duration_s),
            _joules(total.energy_j, total.u_j),
            si(total.mean_w, "W"),
            si(total.peak_w, "W"),
            share(total.coverage),
        )
        out.add_row("total", *spent[: n - 1], *_cells(s.total for s in slow), style="bold")
        return out


_PLAIN = ("no.", "duration", "energy", "mean", "peak", "coverage")


def _caption(table: StageTable) -> str:
    cycle = f"mean over a line cycle, {window(table.peak_window_s)}"
    peak = cycle if table.peak_window_s > _LONGEST_SAMPLE_S else "sample"
    bound_ns = max((used.stage.uncertainty_ns for used in table.stages), default=0)
    edges = f"; edges of stages: within ±{si(bound_ns / NS, 's', 2)}" if bound_ns else ""
    made_up = "; ≈: nothing was captured, so it has the mean of what is around it"
    known = "; ±: standard uncertainty (k = 1) of the calibration"
    cut = "; cut: an edge was never marked, or part of the stage was not recorded"
    failed = "; failed: an exception passed through, or the program ended with an error"
    return (
        f"peak: the highest {peak}; energy in dead time: the mean of its stage"
        f"{edges}{'' if table.total.u_j is None else known}"
        f"{made_up if any(used.is_estimate for used in table.stages) else ''}"
        f"{cut if any(used.is_cut for used in table.stages) else ''}"
        f"{failed if any(used.stage.failed for used in table.stages) else ''}"
    )


def _joules(energy_j: float, u_j: float | None) -> str:
    return give_or_take(energy_j, u_j, "J")


def _slow_cells(
    slow: tuple[SlowEnergy, ...], group: list[StageEnergy], first: int
) -> Iterator[str]:
    """Return the cells of the slow channels of stages in a row; the first is stage ``first``."""
    seconds = [used.duration_s for used in group]
    return _cells(_together(each.stages[first : first + len(group)], seconds) for each in slow)


def _together(held: tuple[HeldEnergy, ...], seconds: list[float]) -> HeldEnergy:
    """Return what stages of such lengths used together."""
    held_s = sum(one.coverage * length for one, length in zip(held, seconds, strict=True))
    return HeldEnergy(
        energy_j=sum(one.energy_j for one in held),
        coverage=held_s / sum(seconds) if sum(seconds) else math.nan,
    )


def _cells(held: Iterable[HeldEnergy]) -> Iterator[str]:
    for used in held:
        yield si(used.energy_j, "J")
        yield share(used.coverage)


def _grouped(stages: tuple[StageEnergy, ...]) -> Iterator[list[StageEnergy]]:
    """Yield the stages, many in a row of the same kind together."""

    def kind(used: StageEnergy) -> tuple[str, str, str, bool]:
        stage = used.stage
        return stage.run_id, stage.parent_id, stage.path, stage.leaf

    for _, same in groupby(stages, kind):
        group = list(same)
        if len(group) > _MOST_ROWS:
            yield group
        else:
            yield from ([used] for used in group)


def _stage_row(group: list[StageEnergy]) -> tuple[RenderableType, ...]:
    stage, last = group[0].stage, group[-1].stage
    seconds = sum(used.duration_s for used in group)
    joules = sum(used.energy_j for used in group)
    stated = [used.u_j for used in group if used.u_j is not None]
    u_j = sum(stated) if stated else None  # one error that all of them share
    captured_s = sum(used.coverage * used.duration_s for used in group)
    estimate = all(used.is_estimate for used in group)
    cut = " (cut)" if any(used.is_cut for used in group) else ""
    failed = " (failed)" if any(used.stage.failed for used in group) else ""
    count = f" × {len(group)}" if len(group) > 1 else ""
    return (
        Text("  " * stage.depth + stage.name + count + failed + cut),
        f"{stage.index + 1}–{last.index + 1}" if len(group) > 1 else str(stage.index + 1),
        duration(seconds),
        about(_joules(joules, u_j), estimate),
        about(si(joules / seconds if seconds else math.nan, "W"), estimate),
        si(max(used.peak_w for used in group), "W"),
        share(captured_s / seconds if seconds else math.nan),
    )
