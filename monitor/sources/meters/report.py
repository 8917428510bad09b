"""What power plugs say over MQTT: Tasmota, and Shelly of both generations.

Tasmota: ``tele/TOPIC/SENSOR`` every TelePeriod, and ``stat/TOPIC/STATUS8`` or ``STATUS10`` when
asked (tasmota.github.io/docs/MQTT). Shelly generation 1: a number each below ``relay/0`` or
``emeter/0``; from generation 2 on ``status/switch:0`` and ``events/rpc`` (shelly-api-docs).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

_LONGEST = 1 << 16  # bytes; what plugs send has a few hundred
_STATUS = re.compile(r"status/(?:switch|pm1|em1):(\d+)")
_SINGLE = re.compile(r"(?:relay|emeter)/(\d+)/(power|voltage|current)")
_FIELDS = {
    "power": ("apower", "act_power"),
    "voltage": ("voltage",),
    "current": ("current",),
}
_PRESENCE = {"online": True, "true": True, "offline": False, "false": False}

Report = Mapping[str, float]
"""Power in W, voltage in V, current in A, as far as they are known; NaN is an error value."""


def understand(below: str, payload: bytes, component: int) -> Report | bool | None:
    """Return what a message says.

    Parameters
    ----------
    below
        What follows the plug's own topic.
    component
        Which relay or meter of the plug, from 0.

    Returns
    -------
    A report; whether the plug is there; or None if it says something else.

    Raises
    ------
    ValueError
        If it should be one of these and is not.
    """
    if below in {"LWT", "online"}:
        return _presence(payload)
    single = _SINGLE.fullmatch(below)
    if single:
        return {single[2]: _number(_text(payload))} if int(single[1]) == component else None
    if below in {"SENSOR", "STATUS8", "STATUS10"}:
        return _tasmota(_decoded(payload), component)
    status = _STATUS.fullmatch(below)
    if status:
        return _shelly(_decoded(payload)) if int(status[1]) == component else None
    if below == "events/rpc":
        return _notified(_decoded(payload), component)
    return None


def _presence(payload: bytes) -> bool:
    text = _text(payload).lower()
    if text not in _PRESENCE:
        raise ValueError(f"expected online or offline, got {text[:40]!r}")
    return _PRESENCE[text]


def _tasmota(said: dict[str, Any], component: int) -> Report | None:
    said = _object(said.get("StatusSNS", said))
    if "ENERGY" not in said:
        return None  # another sensor of the same device
    energy = _object(said["ENERGY"])
    fields = {"power": "Power", "voltage": "Voltage", "current": "Current"}
    values = {name: energy[field] for name, field in fields.items() if field in energy}
    return {name: _number(_part(value, component)) for name, value in values.items()}


def _part(value: object, component: int) -> object:
    """Return the part of one component; what has no parts is of all together, as a voltage is."""
    if not isinstance(value, list):
        return value
    if component >= len(value):
        raise ValueError(f"expected at least {component + 1} values, got {len(value)}")
    return value[component]


def _shelly(said: dict[str, Any]) -> Report | None:
    values = {
        name: _number(said[key]) for name, keys in _FIELDS.items() for key in keys if key in said
    }
    return values or None


def _notified(said: dict[str, Any], component: int) -> Report | None:
    params = _object(said.get("params", {}))
    for kind in ("switch", "pm1", "em1"):
        part = params.get(f"{kind}:{component}")
        if part is not None:
            return _shelly(_object(part))
    return None


def _decoded(payload: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_text(payload), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError(f"expected a JSON object: {error}") from error


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got {str(value)[:40]!r}")
    return value


def _text(payload: bytes) -> str:
    if len(payload) > _LONGEST:
        raise ValueError(f"expected at most {_LONGEST} bytes, got {len(payload)}")
    return payload.decode("utf-8").strip()  # UnicodeDecodeError is a ValueError


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected a number, got {str(value)[:40]!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("expected a number, got one with hundreds of digits") from error
