"""From what a user says, and what the scope answers, to the settings of a session."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from monitor.config import InstrumentSettings, MeterSettings, Settings
from monitor.errors import ConfigError
from monitor.masking import masked
from monitor.model import Quantity, Supply
from monitor.setup.findings import is_crossed
from monitor.setup.levels import Levels
from monitor.setup.presets import AS_SHOWN, Preset, fitted, probe
from monitor.sources.inspect import InputState, Panel

_SHORTEST_S, _LONGEST_S = 0.04, 2.0  # two cycles of 50 Hz; a view that is late by no more
_USUAL_S = 0.1
_KINDS = "yokogawa-wt, plug or elmorlabs-pmd"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a user says; what is None or empty is taken from the scope."""

    address: str
    dialect: str = "auto"
    voltage: int | None = None
    """Input."""
    current: int | None = None
    """Input."""
    voltage_probe: str = AS_SHOWN
    clamp: str = AS_SHOWN
    reports: str = "auto"
    """What the scope shows of the current: unit, volts, or auto."""
    is_reversed: bool = False
    """Whether the clamp is the wrong way round."""
    supply: Supply = Supply.AUTO
    nominal_v: float | None = None
    """Of the supply; None goes by those that are usual."""
    record_s: float | None = None
    sample_rate_hz: float | None = None
    meters: tuple[MeterSettings, ...] = ()


def settings(plan: Plan, panel: Panel) -> Settings:
    """Return the settings for a scope that is set like this.

    Raises
    ------
    ConfigError
        If a probe is none, or must be named and is not.
    """
    voltage, current = guess(panel)
    voltage, current = plan.voltage or voltage, plan.current or current
    if voltage == current:
        raise ConfigError(
            f"voltage and current are both said to be on input {voltage}; name both inputs"
        )
    # A pair on each other's input is a finding, later; what the clamp is says nothing there.
    reports = "unit" if is_crossed(panel, voltage, current) else plan.reports
    return Settings(
        instrument=InstrumentSettings(
            address=plan.address,
            dialect=panel.dialect,
            inputs=(
                fitted(
                    Quantity.VOLTAGE,
                    _state(panel, voltage),
                    preset=_preset(plan.voltage_probe, Quantity.VOLTAGE),
                ),
                fitted(
                    Quantity.CURRENT,
                    _state(panel, current),
                    preset=_preset(plan.clamp, Quantity.CURRENT),
                    reports=reports,
                    is_reversed=plan.is_reversed,
                ),
            ),
            record_s=plan.record_s or _record_s(panel),
            sample_rate_hz=plan.sample_rate_hz,
            supply=plan.supply,
            nominal_v=plan.nominal_v,
        ),
        meters=plan.meters,
    )


def guess(panel: Panel) -> tuple[int, int]:
    """Return the inputs that voltage and current are most likely on."""
    shown = [state for state in panel.inputs if state.shown]
    amps = next((state.input for state in shown if state.unit == "A"), None)
    volts = next((s.input for s in shown if s.unit != "A" and s.input != amps), 1)
    others = (state.input for state in shown if state.input != volts)
    return volts, amps or next(others, 2 if volts != 2 else 1)


def settled(made: Settings, levels: Levels) -> Settings:
    """Return settings that say mains or DC, where a record could tell."""
    instrument = made.instrument
    if instrument is None or instrument.supply is not Supply.AUTO:
        return made
    if any(rail.line_hz is not None for rail in levels.rails):
        supply = Supply.MAINS
    elif levels.duration_s >= _SHORTEST_S:
        supply = Supply.DC
    else:
        return made
    return msgspec.structs.replace(
        made, instrument=msgspec.structs.replace(instrument, supply=supply)
    )


def meters(words: Iterable[str]) -> tuple[MeterSettings, ...]:
    """Return meters from ``KIND=ADDRESS``.

    Raises
    ------
    ConfigError
        If a word is none.
    """
    made = []
    for word in words:
        kind, _, address = word.partition("=")
        shown = masked(word)
        try:
            made.append(msgspec.convert({"kind": kind, "address": address}, MeterSettings))
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"{shown!r} is no meter: {error}; expected KIND=ADDRESS with a kind of {_KINDS}"
            ) from error
        if kind == "scpi":
            raise ConfigError(
                f"{shown!r}: what to ask a meter of kind scpi, nobody says; write the profile"
                " without it, then add [[meters]] with its queries"
            )
        if not address:
            raise ConfigError(
                f"{shown!r} has no address; expected KIND=ADDRESS, e.g. plug=mqtt://…"
            )
    return tuple(made)


def _preset(word: str, quantity: Quantity) -> Preset | None:
    return None if word.strip().lower() in {AS_SHOWN, ""} else probe(word, quantity)


def _state(panel: Panel, number: int) -> InputState:
    """Return how an input is set; one that the scope lacks is a finding, later."""
    found = (state for state in panel.inputs if state.input == number)
    return next(found, InputState(number, False, "", None, "", None, None))


def _record_s(panel: Panel) -> float:
    """Return the scope's own record length where it will do; somebody may turn its knob later."""
    own_s = panel.record_s
    is_good = own_s is not None and _SHORTEST_S <= own_s <= _LONGEST_S
    return float(f"{own_s:.6g}") if own_s is not None and is_good else _USUAL_S
