"""Setting up by questions, one at a time; what the scope tells is offered as the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from monitor.config import MeterSettings
from monitor.errors import ConfigError
from monitor.model import Quantity, Supply
from monitor.setup.findings import Finding, is_crossed
from monitor.setup.plan import Plan, guess, meters
from monitor.setup.presets import AS_SHOWN, PRESETS, probe
from monitor.sources.inspect import InputState, Panel
from monitor.units import si

_SUPPLIES = tuple(supply.value for supply in Supply)


class Asker(Protocol):
    """Whoever answers: a person at a terminal, or a test."""

    def ask(self, question: str, default: str, choices: Sequence[str] = ()) -> str:
        """Return the answer; the default if it is empty. Choices empty means anything."""
        ...

    def complain(self, what: str) -> None:
        """Tell what is wrong with an answer."""
        ...


def ask_plan(asker: Asker, panel: Panel, before: Plan) -> Plan:
    """Ask how a scope is connected.

    Parameters
    ----------
    asker
        Who is asked.
    panel
        What the scope answered.
    before
        The answers that are offered; those of the last time, if there was one.

    """
    inputs = [str(state.input) for state in panel.inputs]
    volts, amps = guess(panel)
    voltage = int(asker.ask("Voltage is on input", str(before.voltage or volts), inputs))
    voltage_probe = _ask_probe(
        asker, Quantity.VOLTAGE, _state(panel, voltage), before.voltage_probe
    )
    current = int(asker.ask("Current is on input", str(before.current or amps), inputs))
    clamp = before.clamp
    if not is_crossed(panel, voltage, current):  # else that is what is wrong, and said below
        clamp = _ask_probe(asker, Quantity.CURRENT, _state(panel, current), clamp)
    supply = Supply(asker.ask("The supply is", before.supply.value, _SUPPLIES))
    nominal_v = _ask_number(
        asker, "Its nominal voltage (230, 120, 12 …; empty: do not know)", before.nominal_v
    )
    shown_s = before.record_s or panel.record_s
    own = "" if shown_s is None else f" (the scope's timebase gives {si(shown_s, 's')})"
    record_s = _ask_number(asker, f"Seconds of one record{own}", before.record_s)
    beside = _ask_meters(asker)
    return msgspec.structs.replace(
        before,
        voltage=voltage,
        voltage_probe=voltage_probe,
        current=current,
        clamp=clamp,
        supply=supply,
        nominal_v=nominal_v,
        record_s=record_s,
        meters=beside,
    )


def ask_direction(asker: Asker, plan: Plan, findings: Sequence[Finding]) -> Plan:
    """Ask whether a current that flows against the voltage is to be counted the other way."""
    if not any(finding.id == "clamp-reversed" for finding in findings):
        return plan
    word = asker.ask("Count the current the other way round", "no", ("yes", "no"))
    return msgspec.structs.replace(plan, is_reversed=plan.is_reversed ^ (word == "yes"))


def _ask_probe(asker: Asker, quantity: Quantity, state: InputState, before: str) -> str:
    usual = ", ".join(preset.id for preset in PRESETS if preset.quantity is quantity)
    needs_name = quantity is Quantity.CURRENT and state.unit == "V"
    default = before
    if needs_name and before == AS_SHOWN:
        default = ""  # a clamp that is guessed wrong is an error of ten that nothing shows
    elif before == AS_SHOWN:
        usual = f"{AS_SHOWN} (as set there: {_shown(state)}), {usual}"
    while True:
        word = asker.ask(f"Its probe: {usual}, or your own numbers", default)
        if word.strip().lower() in {AS_SHOWN, ""}:
            if not needs_name:
                return AS_SHOWN
            asker.complain("the scope shows volts there: the clamp must be named, e.g. 100mV/A")
            continue
        try:
            probe(word, quantity)
        except ConfigError as error:
            asker.complain(str(error))
            continue
        return word


def _ask_number(asker: Asker, question: str, before: float | None) -> float | None:
    while True:
        word = asker.ask(question, "" if before is None else f"{before:g}").strip()
        if not word:
            return None
        try:
            value = float(word)
        except ValueError:
            value = 0.0
        if 0.0 < value < 1e6:
            return value
        asker.complain(f"{word!r} is no number above 0")


def _ask_meters(asker: Asker) -> tuple[MeterSettings, ...]:
    while True:
        words = asker.ask("Meters beside it, KIND=ADDRESS with spaces between (empty: none)", "")
        try:
            return meters(words.split())
        except ConfigError as error:
            asker.complain(str(error))


def _state(panel: Panel, number: int) -> InputState:
    return next(state for state in panel.inputs if state.input == number)


def _shown(state: InputState) -> str:
    factor = "" if state.probe_factor is None else f", factor {state.probe_factor:g}"
    return f"{state.unit or '?'}{factor}"


def choose(asker: Asker, addresses: Sequence[str], is_usable: Callable[[str], bool] = bool) -> str:
    """Ask which of some instruments is meant, or for the address of another one."""
    default = addresses[0] if addresses else ""
    while True:
        word = asker.ask("Instrument (a number of the list, or a VISA address)", default).strip()
        if word.isdigit() and 1 <= int(word) <= len(addresses):
            return addresses[int(word) - 1]
        if is_usable(word) and not word.isdigit():
            return word
        asker.complain(f"{word!r} is neither one of the list nor a VISA address")
