"""Findings whose words need no more than the levels of a record."""

from __future__ import annotations

from monitor.config import InputSettings
from monitor.model import Quantity
from monitor.setup.findings import Finding
from monitor.setup.levels import Level
from monitor.units import si

OUTLET_A = 16.0
"""RMS; the most that a usual outlet of mains gives."""


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


def large_current(current: Level, item: InputSettings) -> Finding:
    """Return that more flows than an outlet gives."""
    fix = "compare the factor at the scope with what is printed on the clamp"
    if item.reports == "volts":
        volts = abs(1.0 / item.ratio)
        fix = (
            f"see what is printed on the clamp: is it {1e4 * volts:g} mV/A, not"
            f" {1e3 * volts:g} mV/A? then ratio = {item.ratio / 10:g}"
        )
    return Finding(
        id="large-current",
        level="note",
        what=f"{who(current)} is {si(current.rms, 'A')} RMS, more than the {OUTLET_A:g} A that a"
        " usual outlet gives",
        fix=fix,
        input=current.input,
    )


def who(level: Level) -> str:
    """Return what names a channel in a sentence."""
    return f"the {level.quantity.value} of input {level.input}"
