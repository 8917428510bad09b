"""Usual probes, and how a probe that somebody names becomes an input's settings."""

from __future__ import annotations

import re
from types import MappingProxyType

import msgspec

from monitor.config import InputSettings
from monitor.errors import ConfigError
from monitor.model import Quantity
from monitor.sources.inspect import InputState

AS_SHOWN = "scope"
"""The word for: what is set at the scope is right."""

_SAME = 1e-3  # relative; scopes print few digits
_PREFIX = MappingProxyType({"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "k": 1e3})
_N = r"(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_FACTOR = re.compile(rf"{_N}\s*[xX:](?:1)?|[xX]{_N}")
_PER_AMPERE = re.compile(rf"{_N}\s*([mµuk]?)V\s*/\s*A")
_PER_VOLT = re.compile(rf"{_N}\s*([mµuk]?)A\s*/\s*V")
_SHUNT = re.compile(rf"(?:shunt\s*)?{_N}\s*([mµuk]?)(?:Ohm|ohm|Ω|R)(?:\s*[*x×]\s*{_N})?")


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A probe."""

    id: str
    """What the command line takes."""
    name: str
    """For people."""
    quantity: Quantity
    ratio: float
    """V or A of the circuit per volt at the scope's input."""


def _volts(ratio: int, name: str) -> Preset:
    return Preset(id=f"{ratio}X", name=name, quantity=Quantity.VOLTAGE, ratio=float(ratio))


def _amps(word: str, name: str, ratio: float) -> Preset:
    return Preset(id=word, name=name, quantity=Quantity.CURRENT, ratio=ratio)


PRESETS = (
    _volts(1, "1X, straight in"),
    _volts(10, "10X probe"),
    _volts(50, "50X differential probe"),
    _volts(100, "100X differential probe"),
    _volts(500, "500X differential probe"),
    _volts(1000, "1000X differential probe"),
    _amps("100mV/A", "clamp 100 mV/A", 10.0),
    _amps("10mV/A", "clamp 10 mV/A", 100.0),
    _amps("1mV/A", "clamp 1 mV/A", 1000.0),
    _amps("1V/A", "current probe 1 V/A", 1.0),
    _amps("1mOhm*50", "shunt 1 mΩ and amplifier of gain 50", 20.0),
)
"""What most benches have; any other is named by its numbers."""


def probe(text: str, quantity: Quantity) -> Preset:
    """Return the probe that a text names.

    Of a voltage: ``10X``, ``x10``, ``100:1``. Of a current: ``100mV/A``, ``12.5 A/V``, or a shunt
    with the gain of its amplifier, ``1mOhm*50``.

    Raises
    ------
    ConfigError
        If it names none, or one of another quantity.
    """
    words = text.strip()
    for preset in PRESETS:
        if preset.quantity is quantity and words.lower() == preset.id.lower():
            return preset
    ratio = _ratio(words, quantity)
    if ratio is None or not 1e-6 <= ratio <= 1e9:
        examples = {
            Quantity.VOLTAGE: "10X, 100X or 200X",
            Quantity.CURRENT: "100mV/A, 10mV/A, 12.5A/V, or for a shunt and its amplifier 1mOhm*50",
        }.get(quantity, "none")
        raise ConfigError(
            f"{text!r} is no probe of a {quantity.value}; expected e.g. {examples}, or"
            f" {AS_SHOWN} if what is set at the scope is right"
        )
    return Preset(id=words, name=words, quantity=quantity, ratio=ratio)


def _ratio(words: str, quantity: Quantity) -> float | None:
    if quantity is Quantity.VOLTAGE:
        match = _FACTOR.fullmatch(words)
        return float(match[1] or match[2]) if match else None
    if match := _PER_AMPERE.fullmatch(words):
        return _inverse(float(match[1]) * _PREFIX[match[2]])
    if match := _PER_VOLT.fullmatch(words):
        return float(match[1]) * _PREFIX[match[2]]
    if match := _SHUNT.fullmatch(words):
        return _inverse(float(match[1]) * _PREFIX[match[2]] * float(match[3] or 1.0))
    return None


def _inverse(value: float) -> float | None:
    # Nine digits: 1 / 0.1 may print as 10.000000000000002 otherwise.
    return float(f"{1.0 / value:.9g}") if value > 0 else None


def fitted(
    quantity: Quantity,
    state: InputState,
    *,
    preset: Preset | None = None,
    reports: str = "auto",
    is_reversed: bool = False,
) -> InputSettings:
    """Return the settings of an input that a probe is plugged into.

    Parameters
    ----------
    quantity
        What is measured there.
    state
        How the input is set at the scope.
    preset
        The probe; None takes the scope's word for it.
    reports
        ``unit`` or ``volts``, as in the settings; ``auto`` goes by what the scope shows.
    is_reversed
        Whether the current flows the other way through the clamp.

    Raises
    ------
    ConfigError
        If the scope shows volts of a current and nobody says how many amperes they are.
    """
    if reports == "auto":
        reports = _reported(quantity, state, preset)
    sign = -1.0 if is_reversed else 1.0
    note = preset.name if preset is not None else ""
    if reports == "volts":
        if preset is None:
            raise ConfigError(
                f"input {state.input} shows volts, and nobody says how many amperes they are; name"
                " the clamp, e.g. --clamp 100mV/A, or let the scope show amperes"
            )
        return InputSettings(
            input=state.input,
            quantity=quantity,
            reports="volts",
            ratio=sign * preset.ratio,
            note=note,
        )
    factor = preset.ratio if preset is not None else state.probe_factor
    return InputSettings(
        input=state.input, quantity=quantity, ratio=sign, probe_factor=factor, note=note
    )


def _reported(quantity: Quantity, state: InputState, preset: Preset | None) -> str:
    if not state.shown:
        return "unit"  # it is refused for that first
    if quantity is Quantity.CURRENT:
        return "volts" if state.unit == "V" else "unit"
    factor = state.probe_factor
    is_at_scope = preset is None or factor is None or abs(factor - 1.0) > _SAME
    return "unit" if is_at_scope or preset is None or preset.ratio == 1.0 else "volts"
