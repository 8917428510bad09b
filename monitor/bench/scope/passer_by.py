"""Somebody at the front panel of the bench's scope while it is read."""

from __future__ import annotations

import numpy as np

from monitor.bench.scope.adc import Coding
from monitor.bench.scope.faults import Fault, Faults
from monitor.bench.scope.panel import ChannelState, Record
from monitor.bench.scope.scope import Scope

_JUMP_S = 60.0
_OFF_SCREEN = 2.0  # screens
_RANGE_FACTOR = 2.0
_LF = 0x0A
_LF_ROOM = 4.0  # by which the range grows, so that what moves to the screen's edge stays on it


class PasserBy:
    """Turns knobs, sets the clock and moves signals off the screen, when a fault says so."""

    def __init__(self, scope: Scope, faults: Faults) -> None:
        self._scope = scope
        self._faults = faults
        self._is_wide = False
        self._moved: dict[int, float] = {}
        """By input: by how much it was moved off the screen, in its unit."""
        self._read_before: Record | None = None

    def act(self) -> None:
        """Do what is due now."""
        if self._faults.take(Fault.RANGE_CHANGE):
            self._change_ranges()
        if self._faults.waits(Fault.LF_DATA) and all(
            self._scope.coded(k) is not None for k in self._shown()
        ):
            self._faults.take(Fault.LF_DATA)
            for k in self._shown():
                self._place_on_line_feeds(k)
        self.act_without_knobs()

    def act_without_knobs(self) -> None:
        """Do what is due now at a scope whose front panel is locked."""
        if self._faults.take(Fault.CLOCK_JUMP):
            self._scope.jump(_JUMP_S)
        if self._moved and self._was_seen():
            self._move_back()
        if not self._moved and self._faults.take(Fault.CLIPPING):
            self._move_off()

    def _shown(self) -> list[int]:
        return [k for k, state in enumerate(self._scope.panel.channels) if state.display]

    def _state(self, k: int) -> ChannelState:
        return self._scope.panel.channels[k]

    def _change_ranges(self) -> None:
        factor = 1 / _RANGE_FACTOR if self._is_wide else _RANGE_FACTOR
        self._is_wide = not self._is_wide
        for k in self._shown():
            self._state(k).range *= factor

    def _move_off(self) -> None:
        self._read_before = self._scope.last_read
        for k in self._shown():
            self._moved[k] = _OFF_SCREEN * self._state(k).range
            self._state(k).offset += self._moved[k]

    def _move_back(self) -> None:
        for k, moved in self._moved.items():
            self._state(k).offset -= moved
        self._moved.clear()

    def _was_seen(self) -> bool:
        record = self._scope.last_read
        if record is None or record is self._read_before:
            return False
        return all(record.channels[k].offset == self._state(k).offset for k in self._moved)

    def _place_on_line_feeds(self, k: int) -> None:
        coded, state = self._scope.coded(k), self._state(k)
        if coded is None:
            return
        coding = coded.coding
        mean = float(np.mean(coding.decode(coded.codes)))
        span = (coding.high - coding.low) * coding.increment * _LF_ROOM
        state.range *= _LF_ROOM
        state.offset += mean - _line_feed(coding) * span - state.middle


def _line_feed(coding: Coding) -> float:
    """Return how far above the middle of the screen a line feed stands, in screens.

    It is the upper byte of a code: a converter of few bits leaves the lower one empty.
    """
    width = int(coding.dtype[-1])
    code = (_LF + 0.5 * (width - 1)) * (1 << 8 * (width - 1))
    return (code - 0.5 * (coding.low + coding.high)) / (coding.high - coding.low)
