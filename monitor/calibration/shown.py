"""What calibrating shows: how far it is, and what was found."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from monitor.model import Calibration
from monitor.units import give_or_take


@contextlib.contextmanager
def bar(what: str, out: Console) -> Iterator[Callable[[float], None]]:
    """Show how far something is; yield whom to tell."""
    columns = TextColumn(what), BarColumn(), TextColumn("{task.percentage:.0f} %")
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share: progress.update(task, completed=share)


def told(found: Calibration, unit: str) -> str:
    """Return a calibration in words.

    Parameters
    ----------
    unit
        Of the channel.
    """
    if found == Calibration():
        return "not calibrated"
    gain = f"gain {found.gain:.6g}"
    if found.gain_uncertainty:
        gain += f" ± {found.gain_uncertainty:.2%}"
    parts = [gain, f"offset {give_or_take(found.offset, found.offset_uncertainty or None, unit)}"]
    if found.deskew_s or found.deskew_uncertainty_s:
        parts.append(f"{microseconds(found.deskew_s, found.deskew_uncertainty_s)} late")
    origin = ", ".join(part for part in (found.date, found.temperature, found.note) if part)
    return ", ".join(parts) + (f" ({origin})" if origin else "")


def microseconds(delay_s: float, uncertainty_s: float) -> str:
    """Return a delay with its uncertainty; a nanosecond shows."""
    text = f"{delay_s * 1e6:.3f} µs"
    return f"{text} ± {uncertainty_s * 1e6:.3f} µs" if uncertainty_s else text
