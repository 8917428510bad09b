"""A real capture of a power meter, played as one voltage and one current."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from monitor.bench.load.timeline import Event
from monitor.model import Edge
from monitor.sources.elmorlabs import Capture


class CaptureWaveform:
    """What a scope sees of a capture whose cables run through one current clamp.

    The current is the sum over the meter's inputs, the voltage their mean weighted by current, so
    the product is the meter's total power. Between two readings the older one is held; before the
    first and after the last they are held too.

    Parameters
    ----------
    capture
        What to play.
    delay_s
        When the first reading is reached, in seconds after the bench's zero.
    loop
        Whether it begins again at its end.
    """

    def __init__(self, capture: Capture, *, delay_s: float = 0.0, loop: bool = False) -> None:
        volts, amps = capture.volts, capture.amps
        total = amps.sum(axis=0)
        power = (volts * amps).sum(axis=0)
        self._amps = total
        self._volts = np.divide(power, total, out=volts.mean(axis=0), where=total > 0)
        self._capture = capture
        self._delay_s = delay_s
        self._loop = loop
        last_step = float(np.median(np.diff(capture.time_s)))
        self._period_s = float(capture.time_s[-1]) + last_step

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the lowest and highest voltage in V, then current in A, that can occur."""
        return (
            (float(self._volts.min()), float(self._volts.max())),
            (float(self._amps.min()), float(self._amps.max())),
        )

    def sample(
        self, start: int, n: int, rate_hz: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return voltage in V and current in A; see ``Waveform``."""
        first, last = (start / rate_hz - self._delay_s, (start + n) / rate_hz - self._delay_s)
        held: list[NDArray[np.int64]] = []
        for turn in self._turns(first, last):
            begin_s = self._delay_s + turn * self._period_s
            # Each reading is held from the first sample at or after it.
            at = np.ceil((self._capture.time_s + begin_s) * rate_hz).astype(np.int64)
            end = self._turn_end(turn, rate_hz)
            stop = start + n if end is None else min(start + n, end)
            lengths = np.diff(np.clip(np.append(at, stop), start, stop))
            if turn == 0:
                lengths[0] += max(0, min(int(at[0]), stop) - start)
            held.append(np.repeat(np.arange(len(lengths)), lengths))
        at_reading = np.concatenate(held)
        return self._volts[at_reading], self._amps[at_reading]

    def events(self) -> Iterator[Event]:
        """Yield the edges of the load, in seconds after the first reading; endlessly in a loop."""
        n_loads = sum(event.edge == "begin" for event in self._capture.events)
        for turn in itertools.count() if self._loop else range(1):
            for event in self._capture.events:
                edge = Edge(event.edge)
                key = "" if edge is Edge.INSTANT else f"{event.name}{turn}.{event.index}"
                time_s = event.time_s + turn * self._period_s
                counted = (None, None) if edge is Edge.INSTANT else (event.index, n_loads)
                yield Event(time_s, edge, event.name, key, "", *counted)

    def _turns(self, first_s: float, last_s: float) -> range:
        if not self._loop:
            return range(1)
        # One more on each side: a turn's first sample is rounded up.
        low = max(0, math.floor(first_s / self._period_s) - 1)
        return range(low, max(0, math.floor(last_s / self._period_s)) + 1)

    def _turn_end(self, turn: int, rate_hz: float) -> int | None:
        """Return the index at which the next turn begins; None if there is none."""
        if not self._loop:
            return None
        begin_s = self._delay_s + (turn + 1) * self._period_s
        first = np.ceil((self._capture.time_s[:1] + begin_s) * rate_hz)
        return int(first[0])
