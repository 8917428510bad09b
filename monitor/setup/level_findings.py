"""Findings whose words need no more than the levels of a record."""

from __future__ import annotations

from monitor.model import Quantity
from monitor.setup.findings import Finding
from monitor.setup.levels import Level
from monitor.units import si


def small(level: Level, share: float) -> Finding:
    """Return that a signal uses little of the screen, a share of 0 to 1."""
    return Finding(
        id="small-signal",
        level="note",
        what=f"{who(level)} fills {100 * share:.0f} % of the screen",
        fix="choose fewer volts or amperes per division"
        + ("; if the load is idle now, leave it" if level.quantity is Quantity.CURRENT else ""),
        input=level.input,
    )


def no_current(current: Level) -> Finding:
    """Return that nothing flows."""
    return Finding(
        id="no-current",
        level="warning",
        what=f"{who(current)} shows no current: {si(current.rms, 'A')} RMS",
        fix="switch the clamp on, close its jaw around one conductor, and see that the load runs"
        " and that this is its input",
        input=current.input,
    )


def who(level: Level) -> str:
    """Return what names a channel in a sentence."""
    return f"the {level.quantity.value} of input {level.input}"
