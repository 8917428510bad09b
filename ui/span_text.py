"""What is said of the time between two cursors; pure, and without Qt."""

from __future__ import annotations

import math

from monitor.model import SpanNumbers
from monitor.units import duration, give_or_take, share, si


def rows(numbers: SpanNumbers, rate_hz: float) -> tuple[tuple[str, str], ...]:
    """Return names and values, the length first."""
    total, (*channels, power) = numbers.total, numbers.signals
    length_s = (numbers.stop - numbers.start) / rate_hz
    return (
        ("Δt", length(length_s)),
        ("energy", give_or_take(total.energy_j, total.u_j, "J")),
        ("mean", si(total.mean_w, "W", 4)),
        ("captured", share(total.coverage)),
        (power.name, _reach(power.low, power.high, power.unit)),
        *(
            row
            for each in channels
            for row in (
                (f"{each.name}, rms", si(each.rms, each.unit, 4)),
                (f"{each.name}, mean", si(each.mean, each.unit)),
                (each.name, _reach(each.low, each.high, each.unit)),
            )
        ),
    )


def length(seconds: float) -> str:
    """Return a length of time with four digits, from a minute on by the clock."""
    return si(seconds, "s", 4) if seconds < 60 else duration(seconds)


def _reach(low: float, high: float, unit: str) -> str:
    if not math.isfinite(low):
        return "–"
    return f"{si(low, unit)} … {si(high, unit)}"
