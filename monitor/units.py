"""Numbers for people: SI prefix, unit, and a dash for what is not known."""

from __future__ import annotations

import math

_DASH = "–"
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))


def si(value: float, unit: str, digits: int = 3) -> str:
    """Return a value with ``digits`` significant digits, e.g. ``1.24 kW``; a dash for NaN.

    Below a millionth of the unit it is shown as 0.
    """
    if not math.isfinite(value):
        return _DASH
    for factor, prefix in _PREFIXES:
        scaled = value / factor
        rounded = float(f"{scaled:.{digits}g}")
        if abs(rounded) >= 1.0:
            decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
            return f"{rounded:.{decimals}f} {prefix}{unit}".replace("-", "−")
    return f"0 {unit}"


def give_or_take(value: float, uncertainty: float | None, unit: str) -> str:
    """Return a value with its standard uncertainty, e.g. ``1.24 kW ± 15 W``.

    Parameters
    ----------
    uncertainty
        None shows the value alone.
    """
    text = si(value, unit)
    return text if uncertainty is None else f"{text} ± {si(uncertainty, unit, 2)}"


def about(text: str, estimate: bool) -> str:
    """Return a quantity as it is shown if it was not measured: ``≈ 20.9 J``."""
    return f"≈ {text}" if estimate else text


def share(value: float) -> str:
    """Return a share of 0 to 1 as percent; never rounded up to 100 %."""
    if not math.isfinite(value):
        return _DASH
    percent = math.floor(value * 1000 + 1e-6) / 10
    return "100 %" if percent >= 100 else f"{percent:.1f} %"


def duration(seconds: float) -> str:
    """Return seconds as ``850 ms``, ``12.3 s``, ``3:25`` (min:s) or ``2:03:25`` (h:min:s)."""
    if not math.isfinite(seconds):
        return _DASH
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(math.floor(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(n: int, what: str) -> str:
    """Return a number of things, e.g. ``1 gap`` or ``2 gaps``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def size(n_bytes: float) -> str:
    """Return a number of bytes, e.g. ``1.2 MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.3g} GiB"


def window(seconds: float) -> str:
    """Return the length of a window, e.g. ``20 ms`` or ``10 s``."""
    return si(seconds, "s").replace(".00", "").replace(".0 ", " ")


def energy(joules: float) -> str:
    """Return an energy in J, and in Wh where that is easier to compare."""
    text = si(joules, "J")
    return f"{text} ({si(joules / 3600, 'Wh')})" if abs(joules) >= 3600 else text
