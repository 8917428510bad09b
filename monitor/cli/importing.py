"""``wattstage import``: other instruments' files become recordings, whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli.signals import on_signal
from monitor.errors import RecordingError
from monitor.recording.recorder import Recorder
from monitor.sources.elmorlabs import CaptureSource
from monitor.sources.exported.csv_file import csv_source
from monitor.sources.exported.jls_file import jls_source
from monitor.sources.exported.parquet_file import parquet_source
from monitor.sources.source import Source
from monitor.sources.tables import csv_file, ptdaemon, times
from monitor.sources.tables.table import source_of

app = typer.Typer(no_args_is_help=True, help="Turn other instruments' files into recordings.")

_OUT = Console()
_AHEAD_S, _AHEAD_SAMPLES = 60.0, 2_000_000
"""Whichever is longer: an import is read no further ahead of the disk."""
_Output = Annotated[Path, typer.Option("-o", "--output", help="File to make.")]
_Zone = Annotated[str, typer.Option(help="Time zone of dates without one, e.g. Europe/Zurich.")]


@app.command("elmorlabs-pmd")
def import_elmorlabs(
    folder: Annotated[Path, typer.Argument(help="Holds PMD_data.bin.", show_default=False)],
    output: _Output,
    rate: Annotated[float, typer.Option(help="Of the uniform grid, in Hz.")] = 20_000.0,
    signed: Annotated[
        bool, typer.Option(help="Keep negative readings, which the source takes as 0.")
    ] = False,
) -> None:
    """Import a capture of an ElmorLabs PMD-USB power meter."""
    bring_in(CaptureSource(folder, sample_rate_hz=rate, signed=signed), output)


@app.command("csv")
def import_csv(
    file: Annotated[Path, typer.Argument(help="Rows of a time and numbers.", show_default=False)],
    output: _Output,
    time: Annotated[str, typer.Option(help="Column of the times: name, or number from 1.")] = "",
    power: Annotated[str, typer.Option(help="Column of the power.")] = "",
    voltage: Annotated[str, typer.Option(help="Column of the voltage.")] = "",
    current: Annotated[str, typer.Option(help="Column of the current.")] = "",
    current_file: Annotated[
        Path | None, typer.Option(help="The current, of a scope that writes a file per channel.")
    ] = None,
    start: Annotated[
        str, typer.Option(help="When relative time 0 was, e.g. 2026-03-01T12:00:00.")
    ] = "",
    zone: _Zone = "UTC",
    invalid: Annotated[
        list[float] | None, typer.Option(help="A value that is an error code; may be repeated.")
    ] = None,
) -> None:
    """Import the CSV file of a power meter, of a scope, or of an export."""
    options = csv_file.CsvOptions(
        time=time,
        power=power,
        voltage=voltage,
        current=current,
        start=start,
        zone=times.zone(zone),
        invalid=tuple(invalid or ()),
    )
    ours = csv_source(file)
    if current_file is not None:
        table = csv_file.load_pair(file, current_file, options)
    elif ours is None:
        table = csv_file.load(file, options)
    else:
        bring_in(ours, output)
        return
    bring_in(source_of(table), output)


@app.command("jls")
def import_jls(
    file: Annotated[Path, typer.Argument(help="Of a Joulescope, or exported.", show_default=False)],
    output: _Output,
) -> None:
    """Import a JLS file."""
    bring_in(jls_source(file), output)


@app.command("parquet")
def import_parquet(
    file: Annotated[Path, typer.Argument(help="As exported.", show_default=False)],
    output: _Output,
) -> None:
    """Import a Parquet file that was exported."""
    bring_in(parquet_source(file), output)


@app.command("ptdaemon")
def import_ptdaemon(
    file: Annotated[Path, typer.Argument(help="The log, e.g. spl.txt.", show_default=False)],
    output: _Output,
    zone: _Zone = "UTC",
) -> None:
    """Import a log of SPEC PTDaemon; its marks become stages."""
    bring_in(source_of(ptdaemon.load(file, zone=times.zone(zone))), output)


def bring_in(source: Source, output: Path) -> None:
    """Record a source that gives its items as fast as they are taken: all of them, or nothing.

    Raises
    ------
    RecordingError
        If the file cannot be made or written, or the import was stopped; none is left then.
    """

    async def work() -> None:
        task = asyncio.current_task()
        stop = task.cancel if task is not None else (lambda: False)
        async with on_signal(stop), source:
            with _whole_or_none(Recorder(output, source.info), output) as recorder:
                await _record(source, recorder)

    try:
        asyncio.run(work())
    except asyncio.CancelledError as error:
        raise RecordingError(f"the import was stopped; {output} was not made") from error
    _OUT.print(f"imported {output}", soft_wrap=True, highlight=False)


async def _record(source: Source, recorder: Recorder) -> None:
    items = source.items()
    ahead_s = max(_AHEAD_S, _AHEAD_SAMPLES / source.info.sample_rate_hz)
    try:
        async for item in items:
            recorder.put(item)
            await asyncio.sleep(0)  # else a signal is heard only at the end
            while recorder.state.queued_s > ahead_s:  # noqa: ASYNC110  # a thread
                await asyncio.sleep(0.01)
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


@contextlib.contextmanager
def _whole_or_none(recorder: Recorder, path: Path) -> Iterator[Recorder]:
    """End a recording, and remove its file if anything went wrong: what it lacks, nobody sees."""
    try:
        with recorder:
            yield recorder
        if recorder.state.error:
            raise RecordingError(
                f"{recorder.state.error}; an import is all or nothing, so {path} was removed"
            )
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what counts
            path.unlink()
        raise
