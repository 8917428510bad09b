"""``wattstage verify``, ``repair``, ``cut``, ``merge`` and ``annotate``: recordings that exist."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.errors import ConfigError, RecordingError
from monitor.export.selection import seconds, select
from monitor.keeping import annotate as edits
from monitor.keeping.cut import cut as write_cut
from monitor.keeping.merge import merge as write_merge
from monitor.keeping.repair import repair as write_repaired
from monitor.keeping.size import Size
from monitor.keeping.verify import verify as findings
from monitor.model import NS
from monitor.recording.reader import Recording
from monitor.units import duration, size

_OUT = Console()
_File = Annotated[Path, typer.Argument(help="A recording (*.h5).", show_default=False)]
_Output = Annotated[Path, typer.Option("-o", "--output", help="File to make.")]


def verify(
    file: _File,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Look whether a recording is whole.

    The exit code is 0 if it is, 1 if something in it is wrong or missing, 2 if nothing else is but
    that its recorder has not ended it.
    """
    with _told("verifying", f"{file} was not looked at to its end") as progress:
        found = list(findings(file, progress))
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(found), indent=2) + "\n")
    else:
        for each in found:
            mark = each.state.upper() if each.state == "fail" else each.state
            _say(f"{mark:<5} {each.name:<11} {each.text}")
            if each.fix:
                _say(f"{'':17} → {each.fix}")
    states = {each.state for each in found}
    code = 1 if "fail" in states else 2 if any(f.name == "end" and f.fix for f in found) else 0
    raise typer.Exit(code)


def repair(file: _File, output: _Output) -> None:
    """Make a clean recording of one that was not ended, is cut short, or is damaged."""
    with _told("repairing", f"{output} was not made") as progress:
        lost = write_repaired(file, output, progress, tell=_telling(output))
    _say(f"made {output}")
    for text in lost or ("nothing was lost",):
        _say(f"  {text}")


def cut(
    file: _File,
    output: _Output,
    span: Annotated[str, typer.Option("--range", help="E.g. 10s:20s, from the first sample.")] = "",
    stage: Annotated[str, typer.Option(help="E.g. run/clip; #2 is its third occurrence.")] = "",
) -> None:
    """Make a recording of a part of another; times stay as they are."""
    with Recording(file) as recording:
        part = select(recording, span=span, stage=stage, whole=True)
        with _told("cutting", f"{output} was not made") as progress:
            write_cut(recording, part.start, part.stop, output, progress, tell=_telling(output))
        length_s = (part.stop - part.start) / recording.info.sample_rate_hz
    _say(f"made {output}: {duration(length_s)}")


def merge(
    first: Annotated[Path, typer.Argument(help="A recording (*.h5).", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another of the same inputs.")],
    output: _Output,
) -> None:
    """Make one recording of two, with a gap between them."""
    with (
        Recording(first) as one,
        Recording(second) as other,
        _told("merging", f"{output} was not made") as progress,
    ):
        made = write_merge(one, other, output, progress, tell=_telling(output))
    _say(f"made {output}: with a gap of {duration(made.gap_s)} between them")
    if made.other_ways:
        _say(
            f"  they differ in {', '.join(made.other_ways)}; the earlier one's hold, the later"
            " one's are kept in the setting 'merged'"
        )


def _telling(output: Path) -> Callable[[Size], None]:
    """Return what tells how large a file becomes."""

    def tell(made: Size) -> None:
        how = "not compressed" if made.compression == "none" else made.compression
        _say(f"{output}: about {size(made.n_bytes)}, {how}")

    return tell


def _say(text: str) -> None:
    _OUT.print(text, soft_wrap=True, highlight=False, markup=False)


@contextlib.contextmanager
def _told(what: str, if_stopped: str) -> Iterator[Callable[[float], None]]:
    """Show progress, and make one sentence of Ctrl-C or SIGTERM, so that nothing is left behind."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=_OUT, transient=True, disable=not _OUT.is_terminal)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with bar:
            task = bar.add_task(what, total=1.0)
            yield lambda share: bar.update(task, completed=share)
    except KeyboardInterrupt as error:
        raise RecordingError(f"stopped: {if_stopped}") from error
    finally:
        signal.signal(signal.SIGTERM, before)


def annotate(  # each is an option
    file: _File,
    mark: Annotated[str, typer.Option(help="Text of a mark to put; needs --at.")] = "",
    at: Annotated[str, typer.Option(help="E.g. 12.5s, after the first sample.")] = "",
    note: Annotated[str, typer.Option(help="Put a note on the session.")] = "",
    move: Annotated[str, typer.Option(help="Number or text of a mark; needs --at.")] = "",
    rename: Annotated[str, typer.Option(help="Mark or note: number or text; needs --to.")] = "",
    to: Annotated[str, typer.Option(help="Its new text.")] = "",
    delete: Annotated[str, typer.Option(help="Mark or note: number or text.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take back the newest edit.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Make again what --undo took back.")] = False,
) -> None:
    """Show the marks and notes of a recording, or edit them beside it; the file stays as it is."""
    if sum(map(bool, (mark, note, move, rename, delete, undo, redo))) > 1:
        raise ConfigError(
            "one of --mark, --note, --move, --rename, --delete, --undo and --redo at a time"
        )
    if bool(mark or move) != bool(at) or bool(rename) != bool(to):
        raise ConfigError("--mark and --move need --at TIME, --rename needs --to TEXT")
    with Recording(file) as recording:
        if mark:
            edits.add(recording, mark, edits.time_at(recording, seconds(at)))
        elif note:
            edits.note(recording, note)
        elif move:
            edits.move(recording, move, edits.time_at(recording, seconds(at)))
        elif rename:
            edits.rename(recording, rename, to)
        elif delete:
            edits.delete(recording, delete)
        elif undo:
            edits.undo(recording)
        elif redo:
            edits.redo(recording)
    with Recording(file) as recording:
        for number, each in enumerate(edits.hand_marks(recording), start=1):
            at_s = (each.time_ns - recording.start_ns) / NS
            _say(f"{number:>4}  {at_s:.3f} s  {each.attrs.get('text', '')}")
        for number, each_note in enumerate(recording.notes, start=1):
            _say(f"note {number}  {each_note.text}")
