"""How well markers and power fit, for reading."""

from __future__ import annotations

import math
from collections.abc import Iterator

from monitor.analysis.alignment import Alignment
from monitor.dsp.alignment import Offset
from monitor.units import si


def lines(found: Alignment) -> Iterator[str]:
    """Yield what is said of an alignment."""
    yield (
        f"{found.n_stages} stages {found.stage!r}; power follows them with a correlation of"
        f" {found.correlation:.2f}"
    )
    yield from (_edge("begin", found.begin), _edge("end", found.end))
    yield (
        f"bound  ±{_ms(found.clock_bound_s)} of the sender's clock,"
        f" ±{_ms(found.time_bound_s)} of the samples' time"
    )
    yield verdict(found)


def verdict(found: Alignment) -> str:
    """Return whether the clocks explain what was found."""
    begin = found.begin
    if math.isnan(begin.middle_s):
        return "too few begins were captured to tell; record for longer, or with less dead time"
    least_s = begin.onset_s if not math.isnan(begin.onset_s) else begin.middle_s
    beyond_s = max(abs(least_s) - found.bound_s - 2 * begin.u_s - begin.smoothing_s / 2, 0.0)
    if beyond_s == 0.0:
        return "the begins lie within the bound"
    if least_s > 0:
        return (
            f"the begins lie {_ms(beyond_s)} beyond the bound: either so long is what the load"
            " takes to respond, or the clocks are off"
        )
    return f"the begins lie {_ms(beyond_s)} beyond the bound, before their markers: clocks are off"


def _edge(name: str, found: Offset) -> str:
    missing = [
        f"{n} {why}"
        for n, why in ((found.n_not_captured, "not captured"), (found.n_no_step, "without a step"))
        if n
    ]
    seen = f"{found.n_seen} of {found.n_edges} edges" + "".join(f", {each}" for each in missing)
    if math.isnan(found.middle_s):
        return f"{name:<6} not known: {seen}"
    onset = "" if math.isnan(found.onset_s) else f", onset {_ms(found.onset_s, '+')}"
    return (
        f"{name:<6} power steps by {si(found.step_w, 'W', 3)}, {_ms(found.middle_s, '+')}"
        f" ± {_ms(found.u_s)} after the marker{onset}; {seen}"
    )


def _ms(seconds: float, sign: str = "") -> str:
    return f"{seconds * 1e3:{sign}.2f} ms"
