"""Where what a scope says of an input contradicts the settings: refused, with the exact fix."""

from __future__ import annotations

from monitor.config import InputSettings
from monitor.errors import InstrumentError
from monitor.sources.dialect import Dialect
from monitor.sources.inspect import InputState

_SAME_FACTOR = 1e-3  # relative; scopes print few digits


def check_input(item: InputSettings, state: InputState, dialect: Dialect, who: str) -> None:
    """Raise InstrumentError unless an input is set as the settings say.

    Parameters
    ----------
    item
        What the settings say.
    state
        What the scope says.
    dialect
        What the scope speaks, for the commands that help.
    who
        Names the input in messages.
    """
    if not state.shown:
        raise InstrumentError(
            f"{who} is switched off; switch it on at the scope"
            f" ({dialect.display.format(input=item.input)}) or name another input"
        )
    wanted = "V" if item.reports == "volts" else item.quantity.unit
    word = dialect.unit_words.get(wanted)
    if word is None:
        raise InstrumentError(f"{who}: a {dialect.name} cannot report {item.quantity.value}")
    if not state.unit_word.startswith(word):
        raise InstrumentError(_unit_contradiction(item, state, dialect, who, word))
    _check_factor(item, state, dialect, who)
    _check_coupling(item, state, dialect, who)


def _unit_contradiction(
    item: InputSettings, state: InputState, dialect: Dialect, who: str, word: str
) -> str:
    command = dialect.set_units.format(input=item.input, value=word)
    if item.reports == "volts":
        scope, settings = "with its probe factor at 1:1", 'reports = "unit" and no ratio'
    elif word == dialect.unit_words["V"]:
        scope, settings = "with the probe's factor", "which input the voltage is on"
    else:
        scope = "with the clamp's factor"
        settings = 'reports = "volts" and the clamp\'s ratio in ampere per volt'
    return (
        f"{who}: the settings say that it measures {item.quantity.value} with reports ="
        f' "{item.reports}", so the scope should report {word}, but it reports {state.unit_word};'
        f" either set the scope ({command}, {scope}), or correct the settings ({settings})"
    )


def _check_factor(item: InputSettings, state: InputState, dialect: Dialect, who: str) -> None:
    expected = item.probe_factor
    if expected is None and item.reports == "volts":
        expected = 1.0
    is_factor = state.probe_factor
    if expected is None or is_factor is None:
        return
    if abs(is_factor - expected) <= _SAME_FACTOR * abs(expected):
        return
    command = dialect.set_factor.format(
        input=item.input, value=f"{expected:g}", inverse=f"{1 / expected:g}"
    )
    if item.probe_factor is None:
        reason = (
            f'reports = "volts" with ratio = {item.ratio:g} expects a probe factor of 1, else the'
            " probe would be scaled twice"
        )
        settings = (
            f"probe_factor = {is_factor:g} if the scope's factor is that of a part between the"
            ' clamp and the input, or reports = "unit" and no ratio if it is the clamp\'s'
        )
    else:
        reason = f"the settings expect a probe factor of {expected:g}"
        settings = f"probe_factor = {is_factor:g}"
    raise InstrumentError(
        f"{who}: {reason}, but the scope multiplies by {is_factor:g}; either set the scope"
        f" ({command}), or correct the settings ({settings})"
    )


def _check_coupling(item: InputSettings, state: InputState, dialect: Dialect, who: str) -> None:
    if state.coupling in {"", item.coupling}:
        return
    command = dialect.set_coupling.format(input=item.input)
    if state.coupling == "GND":
        raise InstrumentError(
            f"{who} is connected to ground at the scope and measures nothing; set the scope"
            f" ({command})"
        )
    if state.coupling == "AC":
        raise InstrumentError(
            f"{who} is AC-coupled at the scope, which takes the mean away and makes power wrong;"
            f' the settings say coupling = "DC": set the scope ({command})'
        )
    raise InstrumentError(
        f"{who} is DC-coupled at the scope, but the settings say coupling ="
        f' "{item.coupling}"; power needs DC: correct the settings (coupling = "DC")'
    )
