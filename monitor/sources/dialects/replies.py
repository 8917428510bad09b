"""What scopes answer: numbers with and without units, words, states."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Z/%]*)")
_PREFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "": 1.0}
_UNITS = frozenset({"", "V", "A", "S", "s", "Sa", "Sa/s", "SA/S", "pts", "Hz", "HZ"})
_NO_NUMBER = 9.9e36  # instruments say 9.9E+37 for "no value"


def number(reply: str) -> float:
    """Return a number, with or without a unit: ``+5.0E-01``, ``500MSa/s``, ``14Mpts``.

    Raises
    ------
    ValueError
        If the reply is none, or not finite.
    """
    match = _NUMBER.fullmatch(reply.strip())
    if match is None:
        raise ValueError(f"expected a number, got {reply[:80]!r}")
    value = float(match[1]) * _factor(match[2])
    if not math.isfinite(value) or abs(value) >= _NO_NUMBER:
        raise ValueError(f"expected a finite number, got {reply[:80]!r}")
    return value


def _factor(suffix: str) -> float:
    """Return what a unit with its prefix stands for: 1e6 of ``MSa/s``."""
    if suffix in _UNITS:
        return 1.0
    if suffix[1:] in _UNITS and suffix[0] in _PREFIXES:
        return _PREFIXES[suffix[0]]
    raise ValueError(f"expected a unit, got {suffix!r}")


def with_prefix(n_samples: int, kilo: str = "k") -> str:
    """Return a number of samples as scopes write it: ``700``, ``12.5k``, ``10M``."""
    for size, prefix in ((1_000_000, "M"), (1_000, kilo)):
        if n_samples >= size:
            return f"{n_samples / size:g}{prefix}"
    return str(n_samples)


def below_zero(reply: str) -> float:
    """Return what the middle of the screen shows, of a family whose offset lifts the trace."""
    return -number(reply)


def middle(reply: str) -> float:
    """Return what the middle of the screen shows, of ``offset;position;units a division``.

    The position, in divisions, lifts the trace.
    """
    offset, position, scale = map(number, fields(reply, ";"))
    return offset - position * scale


def fields(reply: str, separator: str) -> list[str]:
    """Split a reply outside of its quotes."""
    parts, is_quoted = [""], False
    for letter in reply:
        is_quoted ^= letter == '"'
        if letter == separator and not is_quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def is_on(reply: str) -> bool:
    """Return whether a switch is on."""
    return reply.upper() in {"1", "+1", "ON", "TRUE"}


def coupling(reply: str) -> str:
    """Return DC, AC or GND; empty if the reply is none of them.

    Families write ``DC``, ``D1M``, ``DCLimit``; what rejects DC couples AC.
    """
    word = reply.upper().strip('"')
    if word.startswith("A") or "REJ" in word:
        return "AC"
    return next((name for name in ("DC", "GND") if word[:1] == name[0]), "")


def bit_is_clear(mask: int) -> Callable[[str], bool]:
    """Return a done test: a bit of a register is 0."""

    def is_done(reply: str) -> bool:
        return not int(number(reply)) & mask

    return is_done


def bit_is_set(mask: int) -> Callable[[str], bool]:
    """Return a done test: a bit of a register is 1."""

    def is_done(reply: str) -> bool:
        return bool(int(number(reply)) & mask)

    return is_done


def state_is(*done: str, otherwise: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a done test by the word that a scope answers; any other word is no state."""
    finished = {word.upper() for word in done}
    going = {word.upper() for word in otherwise}

    def is_done(reply: str) -> bool:
        word = reply.upper()
        if word in finished:
            return True
        if word in going:
            return False
        raise ValueError(f"expected one of {', '.join(sorted(finished | going))}")

    return is_done
