"""Where the settings contradict what the scope says of itself; and what a finding is."""

from __future__ import annotations

from typing import Literal

import msgspec

from monitor.config import InputSettings, InstrumentSettings
from monitor.errors import InstrumentError
from monitor.model import Quantity, Supply
from monitor.sources.checks import check_input
from monitor.sources.dialect import Dialect
from monitor.sources.dialects import spoken_by
from monitor.sources.inspect import InputState, Panel

TWO_CYCLES_S = 0.04
"""Of 50 Hz mains; a record that is shorter need not hold a whole one."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake, or what looks like one."""

    id: str
    """For programs, e.g. ``clamp-reversed``; docs/reference/setup-json.md lists them."""
    level: Literal["error", "warning", "note"]
    """error: the numbers would be wrong; warning: they may be; note: they could be better."""
    what: str
    """What is wrong, in one sentence."""
    fix: str
    """What to do."""
    input: int | None = None
    """Of the instrument; None if it is about all of them."""


def of_panel(settings: InstrumentSettings, panel: Panel) -> tuple[Finding, ...]:
    """Return where the scope's settings contradict ours; each of them is refused.

    Parameters
    ----------
    panel
        What the scope answered.
    """
    if not panel.inputs:
        return (_wrong_dialect(panel),)
    dialect = spoken(panel)
    states = {state.input: state for state in panel.inputs}
    pair = voltage_and_current(settings)
    if pair is not None and is_crossed(panel, *(item.input for item in pair)):
        return (swapped(*(item.input for item in pair)),)
    found = []
    for item in settings.inputs:
        state = states.get(item.input)
        if state is None:
            found.append(_no_such_input(item, settings, panel))
            continue
        try:
            check_input(item, state, dialect, f"input {item.input}")
        except InstrumentError as error:
            what, _, fix = str(error).partition("; ")
            fix += "" if state.shown else _hint(item, settings, panel)
            found.append(
                Finding(
                    id=_contradiction(item, state), level="error", what=what, fix=fix,
                    input=item.input,
                )
            )  # fmt: skip
    return tuple(found)


def voltage_and_current(settings: InstrumentSettings) -> tuple[InputSettings, InputSettings] | None:
    """Return the inputs of the only rail; None if there are others, or its power is measured."""
    by_quantity = {item.quantity: item for item in settings.inputs}
    voltage, current = (by_quantity.get(q) for q in (Quantity.VOLTAGE, Quantity.CURRENT))
    if len(settings.inputs) != 2 or voltage is None or current is None:
        return None
    return voltage, current


def is_crossed(panel: Panel, voltage: int, current: int) -> bool:
    """Return whether the scope shows amperes where the voltage should be, and volts vice versa."""
    units = {state.input: state.unit for state in panel.inputs if state.shown}
    return (units.get(voltage), units.get(current)) == ("A", "V")


def swapped(voltage: int, current: int) -> Finding:
    """Return that voltage and current are on each other's input, which the settings name."""
    return Finding(
        id="swapped",
        level="error",
        what=f"the voltage is on input {current} and the current on input {voltage}, the other way"
        " round than the settings say",
        fix=f"name input {current} as the voltage and {voltage} as the current (--voltage"
        f" {current} --current {voltage}), or change the plugs",
        input=voltage,
    )


def exchanged(settings: InstrumentSettings) -> InstrumentSettings | None:
    """Return settings with voltage and current on each other's input; None if that is no pair.

    The probes stay what they are, and the factors of the inputs what the scope says.
    """
    pair = voltage_and_current(settings)
    if pair is None:
        return None
    numbers = {item.input: other.input for item, other in (pair, pair[::-1])}
    inputs = tuple(
        msgspec.structs.replace(item, input=numbers[item.input], probe_factor=None)
        for item in settings.inputs
    )
    return msgspec.structs.replace(settings, inputs=inputs)


def of_own_record(settings: InstrumentSettings, panel: Panel) -> tuple[Finding, ...]:
    """Return a note where the scope stands at a record that is too short, and we set another."""
    own_s, our_s = panel.record_s, settings.record_s
    if settings.supply is Supply.DC or own_s is None or our_s is None:
        return ()
    if not own_s < TWO_CYCLES_S <= our_s:
        return ()
    return (
        Finding(
            id="own-record-too-short",
            level="note",
            what=f"the scope stands at records of {own_s * 1e3:.4g} ms, in which no whole line"
            " cycle need lie",
            fix=f"the profile sets {our_s * 1e3:.4g} ms whenever it is used",
        ),
    )


def _wrong_dialect(panel: Panel) -> Finding:
    """Return the finding for a scope that understands nothing."""
    known = spoken_by(panel.identity)
    better = "auto" if known is None else known.id
    return Finding(
        id="wrong-dialect",
        level="error",
        what=f"{panel.identity} answers nothing that a {panel.dialect_name} would",
        fix=f'set dialect = "{better}", or correct the address',
    )


def spoken(panel: Panel) -> Dialect:
    """Return what a scope speaks that has answered."""
    dialect = spoken_by(panel.identity, panel.dialect)
    if dialect is None:
        raise InstrumentError(f"{panel.identity!r} is no scope that can be spoken to")
    return dialect


def _no_such_input(item: InputSettings, settings: InstrumentSettings, panel: Panel) -> Finding:
    there = ", ".join(str(state.input) for state in panel.inputs)
    return Finding(
        id="no-input",
        level="error",
        what=f"the scope has no input {item.input}; it has {there}",
        fix="name the input that the probe is plugged into" + _hint(item, settings, panel),
        input=item.input,
    )


def _hint(item: InputSettings, settings: InstrumentSettings, panel: Panel) -> str:
    """Return which other inputs show what is looked for; empty if none does."""
    named = {other.input for other in settings.inputs}
    unit = item.quantity.unit
    others = [
        str(state.input)
        for state in panel.inputs
        if state.shown and state.unit == unit and state.input not in named
    ]
    if not others:
        return ""
    return f": {unit} is shown on input {' and '.join(others)}"


def _contradiction(item: InputSettings, state: InputState) -> str:
    """Return the id of what ``check_input`` refuses."""
    if not state.shown:
        return "switched-off"
    if state.unit and state.unit != ("V" if item.reports == "volts" else item.quantity.unit):
        return "unit"
    expected = item.probe_factor or (1.0 if item.reports == "volts" else state.probe_factor)
    if state.probe_factor != expected:
        return "probe-factor"
    return "ac-coupled" if state.coupling == "AC" else "coupling"
