"""Which quantity a column holds, read from its name or its unit."""

from __future__ import annotations

import re

_SYMBOLS = ("W", "V", "A", "VA", "var", "Wh", "Hz", "s", "°C", "%")
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_WORDS = {"watt": "W", "volt": "V", "amp": "A", "ampere": "A", "second": "s", "sec": "s",
          "millisecond": "ms", "microsecond": "us", "hertz": "Hz"}  # fmt: skip
_BRACKETS = re.compile(r"(?P<name>.*?)\s*[(\[]\s*(?P<unit>[^)\]]*?)\s*[)\]]\s*")
_IN = re.compile(r"(?P<name>.*?)\s*\bin\s+(?P<unit>[A-Za-zµμ%°]+)")  # as Rohde & Schwarz
_TAIL = re.compile(r"(?P<name>.+?)\s*[/_]\s*(?P<unit>[A-Za-zµμ%°]+)")
_NAMES = (  # the first that fits
    (r"apparent|^s$", "VA"),
    (r"reactive|^q$", "var"),
    (r"factor|^pf$|lambda|cos", ""),
    (r"power|watt|^p$", "W"),
    (r"volt|^u$", "V"),
    (r"curr|amp(?!l)|^i$", "A"),
    (r"freq|hertz", "Hz"),
)

Scaled = tuple[str, float]
"""A unit without a prefix, and what numbers are multiplied with to be in it."""


def unit_of(symbol: str) -> Scaled | None:
    """Return what a symbol or a word such as ``mW`` or ``Volts`` stands for; None if unknown."""
    symbol = symbol.strip()
    word = symbol.lower()
    symbol = _WORDS.get(word) or _WORDS.get(word.removesuffix("s")) or symbol
    known = [(prefix, unit) for unit in _SYMBOLS for prefix in _PREFIXES]
    # As it is written first: MW is not mW. Then mw is, and hz is Hz.
    for written, of in ((symbol, str), (symbol.lower(), str.lower)):
        for prefix, unit in known:
            if written == prefix + of(unit):
                return unit, _PREFIXES[prefix]
    return None


def named(title: str, unit: str = "") -> tuple[str, Scaled | None]:
    """Return the name of a column without its unit, and the unit; None if nothing tells it.

    Parameters
    ----------
    title
        E.g. ``Power (mW)``, ``voltage_v``, ``Watts``.
    unit
        From a row of its own, if there is one.
    """
    for pattern in (_BRACKETS, _IN, _TAIL):
        match = pattern.fullmatch(title.strip())
        found = unit_of(match["unit"]) if match else None
        if match and found:
            return match["name"] or title.strip(), found
    name = title.strip()
    if unit_of(unit):
        return name, unit_of(unit)
    told = next((symbol for like, symbol in _NAMES if re.search(like, name.lower())), None)
    return name, None if told is None else (told, 1.0)
