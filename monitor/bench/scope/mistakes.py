"""What people do wrong when they connect and set up a scope, one mistake at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from monitor.bench.scope.panel import Panel, Wiring
from monitor.bench.scope.scope import Scope

_VOLTAGE, _CURRENT, _OTHER = 0, 1, 2  # inputs
_SHORT_S = 0.005  # a quarter of a line cycle


def _reverse_clamp(wiring: list[Wiring], panel: Panel) -> None:
    clamp = wiring[_CURRENT]
    wiring[_CURRENT] = replace(clamp, ratio=-clamp.ratio)
    panel.channels[_CURRENT].offset *= -1.0  # the trace is on the screen, upside down


def _leave_probe_factor(wiring: list[Wiring], panel: Panel) -> None:
    state = panel.channels[_VOLTAGE]
    state.attach(state.probe / 10.0)


def _couple_ac(wiring: list[Wiring], panel: Panel) -> None:
    state = panel.channels[_VOLTAGE]
    state.coupling, state.offset = "AC", 0.0


def _use_another_input(wiring: list[Wiring], panel: Panel) -> None:
    wiring[_CURRENT], wiring[_OTHER] = wiring[_OTHER], wiring[_CURRENT]
    channels = panel.channels
    channels[_CURRENT], channels[_OTHER] = channels[_OTHER], channels[_CURRENT]


def _shorten_record(wiring: list[Wiring], panel: Panel) -> None:
    panel.range_s = _SHORT_S


MISTAKES: Mapping[str, Callable[[list[Wiring], Panel], None]] = MappingProxyType(
    {
        "clamp-reversed": _reverse_clamp,
        "probe-10x": _leave_probe_factor,
        "ac-coupled": _couple_ac,
        "wrong-channel": _use_another_input,
        "short-record": _shorten_record,
    }
)
"""Each spoils a bench that was wired and set as it should be."""


def make(scope: Scope, name: str) -> None:
    """Make a mistake with a scope that was wired and set as it should be."""
    wiring = list(scope.wiring)
    MISTAKES[name](wiring, scope.panel)
    scope.wiring = tuple(wiring)
