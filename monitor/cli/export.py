"""``wattstage export``: a recording in the formats of other programs."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.analysis.stage_table import stage_table
from monitor.errors import ConfigError, RecordingError
from monitor.export.choice import choose
from monitor.export.description import Job
from monitor.export.export import export as write
from monitor.export.rows_file import write_rows
from monitor.export.selection import select
from monitor.export.stage_rows import clip_rows, stage_rows
from monitor.recording.reader import Recording
from monitor.units import duration, share, size

_OUT = Console()


def export(
    file: Annotated[Path, typer.Argument(help="A recording (*.h5).", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to make.")],
    form: Annotated[
        str,
        typer.Option(
            "--format", help="csv, parquet, jls, mf4 or wav.", show_default="the ending of the file"
        ),
    ] = "",
    span: Annotated[str, typer.Option("--range", help="E.g. 10s:20s, from the first sample.")] = "",
    stage: Annotated[
        str, typer.Option(help="E.g. run/clip/denoise; #2 is its third occurrence.")
    ] = "",
    signals: Annotated[
        str, typer.Option(help="v, i, p or names of channels, with commas.", show_default="all")
    ] = "",
    codes: Annotated[
        bool, typer.Option("--codes", help="The instrument's codes with their scales, no values.")
    ] = False,
    stages: Annotated[
        bool, typer.Option("--stages", help="The stage table instead, as csv, json or parquet.")
    ] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="Energy and length of each clip, likewise.")
    ] = False,
) -> None:
    """Export a recording, a part of it, or the table of its stages."""
    if stages or clips:
        if span or stage or signals or codes or (stages and clips):
            raise ConfigError("--stages and --clips are tables of the whole, and of one kind")
        with Recording(file) as recording:
            table = stage_table(recording, file.name)
            rows = (stage_rows if stages else clip_rows)(recording, table)
        if not rows.rows:
            raise ConfigError(f"{file} has no stage clip, so there is nothing to export")
        write_rows(rows, output, form)
        _OUT.print(f"exported {output}: {len(rows.rows)} rows", soft_wrap=True, highlight=False)
        return
    chosen = choose(form, output)
    with Recording(file) as recording:
        job = Job(
            recording, select(recording, span=span, stage=stage, signals=signals, codes=codes)
        )
        chosen.check(job)
        length_s = (job.selection.stop - job.selection.start) / job.rate_hz
        _OUT.print(
            f"{output}: about {size(chosen.n_bytes(job))} of {chosen.name}, {duration(length_s)},"
            f" coverage {share(job.coverage)}, {', '.join(s.name for s in job.signals)}",
            soft_wrap=True,
            highlight=False,
        )
        with _stopped_in_good_order(output), _progress() as progress:
            task = progress.add_task("exporting", total=1.0)
            write(job, output, chosen, progress=lambda done: progress.update(task, completed=done))
    _OUT.print(f"exported {output}", soft_wrap=True, highlight=False)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=_OUT, transient=True, disable=not _OUT.is_terminal)


@contextlib.contextmanager
def _stopped_in_good_order(path: Path) -> Iterator[None]:
    """Make one sentence of Ctrl-C, and Ctrl-C of SIGTERM, so that nothing is left behind."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        raise RecordingError(f"the export was stopped; {path} was not made") from error
    finally:
        signal.signal(signal.SIGTERM, before)
