"""A digital oscilloscope with four inputs that acquires in real time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.bench.load.signal import Noise, Waveform
from monitor.bench.scope.adc import Coding
from monitor.bench.scope.panel import (
    DIVISIONS,
    MIN_RATE_HZ,
    N_CHANNELS,
    Panel,
    Record,
    ScopeSettings,
    Wiring,
)
from monitor.model import NS

_IDLE_NOISE_V = 0.0005  # of an input with nothing connected


Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Voltage in V and current in A."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A record that the reader was given."""

    record: Record
    lost: int
    """Samples between the previous record and this one that no reader got."""


@dataclass(slots=True)
class _Acquisition:
    record: Record
    done_ns: int
    repeat: bool = False
    """Whether the next begins when this is done (:RUN)."""


@dataclass(frozen=True, slots=True)
class Coded:
    """What was read of one input."""

    record: Record
    coding: Coding
    codes: NDArray[np.integer]


class Scope:
    """Acquires records of a waveform against a clock.

    Sample ``k`` is taken ``k`` periods after the bench's zero; a period is a whole number of
    nanoseconds, as of a scope that divides a 1 GHz clock. The samples of all inputs are taken
    together. A record exists once its time has passed, and after the dead time can be read.

    Parameters
    ----------
    waveform
        What the probes see.
    wiring
        What is connected to each input.
    settings
        What kind of scope it is.
    now_ns
        Returns the nanoseconds since the bench's zero.
    handed_out
        Is called with each record when it is read for the first time.
    """

    def __init__(
        self,
        waveform: Waveform,
        wiring: tuple[Wiring, ...],
        settings: ScopeSettings,
        now_ns: Callable[[], int],
        handed_out: Callable[[Handed], None] = lambda handed: None,
    ) -> None:
        self.settings = settings
        self.panel = Panel()
        self.truth: list[tuple[int, int]] = []
        """First sample and length of each record that was read."""
        self._waveform = waveform
        self.wiring = wiring
        """What is connected to each input; may be changed at any time."""
        self._now_ns = now_ns
        self._handed_out = handed_out
        self._ahead_ns = 0
        self._noise = [Noise(settings.seed + 100 + k) for k in range(N_CHANNELS)]
        self.power_cycle()

    def power_cycle(self) -> None:
        """Forget every record, as a scope that was switched off and on; its settings stay."""
        self._acquiring: _Acquisition | None = None
        self._record: Record | None = None
        self._first_ns: int | None = None
        self._n_done = 0
        self._last_read: Record | None = None
        self._samples: tuple[Record, Pair] | None = None
        self._coded: dict[int, Coded] = {}

    def jump(self, seconds: float) -> None:
        """Set the scope's own clock ahead for what is armed from now on; samples do not change."""
        self._ahead_ns += round(seconds * NS)

    def autoscale(self) -> None:
        """Set the wired inputs as a careful user would: probe, unit, and the signal on screen."""
        for state, wiring in zip(self.panel.channels, self.wiring, strict=True):
            state.display = wiring.quantity is not None
            if wiring.quantity is None:
                continue
            low, high = self._waveform.limits[wiring.quantity]
            state.probe = wiring.ratio
            state.units = "AMP" if wiring.quantity else "VOLT"
            division = _nice((high - low) / (DIVISIONS - 1.5))
            state.range = DIVISIONS * division
            state.position_div = 0.0
            state.offset = round(0.5 * (low + high) / division) * division

    @property
    def period_ns(self) -> int:
        """Return the sample period of the next record."""
        wanted = max(MIN_RATE_HZ, self.panel.points / self.panel.range_s)
        fastest = NS / min(wanted, self.settings.max_rate_hz)
        needed = math.ceil(self.panel.range_s * NS / self.settings.memory)
        return max(1, round(fastest), needed)

    @property
    def n_points(self) -> int:
        """Return the length of the next record, in samples."""
        return max(1, min(round(self.panel.range_s * NS / self.period_ns), self.settings.memory))

    @property
    def running(self) -> bool:
        """Return whether an acquisition is under way."""
        self._settle()
        return self._acquiring is not None

    @property
    def repeating(self) -> bool:
        """Return whether one record after the other is taken until it is stopped."""
        return self.running and self._acquiring is not None and self._acquiring.repeat

    @property
    def record(self) -> Record | None:
        """Return the newest record that is complete; None if there is none."""
        self._settle()
        return self._record

    @property
    def last_read(self) -> Record | None:
        """Return the record that was read last; None if none was."""
        return self._last_read

    @property
    def n_done(self) -> int:
        """Return how many records were completed since the last arming."""
        self._settle()
        return self._n_done

    def wait_s(self) -> float:
        """Return how long the present acquisition still takes; 0 if there is none."""
        if not self.running or self._acquiring is None:
            return 0.0
        return max(0, self._acquiring.done_ns - self._now_ns()) / NS

    def single(self) -> None:
        """Arm for one record."""
        self._settle()
        self._n_done = 0
        self._acquiring = self._arm(self._now_ns())

    def run(self) -> None:
        """Acquire one record after the other until stopped."""
        self.single()
        if self._acquiring is not None:
            self._acquiring.repeat = True

    def stop(self) -> None:
        """End the acquisition; the newest complete record stays."""
        self._settle()
        self._acquiring = None

    def clock_s(self, record: Record) -> str | None:
        """Return a record's start on the scope's own clock, in exact decimal seconds.

        It counts from the first record; None on a scope that is not gap-free.
        """
        if not self.settings.gap_free or self._first_ns is None:
            return None
        since_ns = record.clock_ns - self._first_ns
        seconds, rest = divmod(since_ns, NS)
        return f"{seconds:+d}.{rest:09d}"

    def codes(self, record: Record, channel: int, coding: Coding) -> NDArray[np.integer]:
        """Return the codes of one input, shape (record.n,), and note that the record was read.

        The array may be given out again, to whoever reads a record in parts.
        """
        self._note(record)
        coded = self._coded.get(channel)
        if coded is None or coded.record is not record or coded.coding != coding:
            codes = coding.encode(self._readings(record, channel))
            codes.setflags(write=False)
            coded = self._coded[channel] = Coded(record, coding, codes)
        return coded.codes

    def coded(self, channel: int) -> Coded | None:
        """Return what was last read of an input; None if nothing was."""
        return self._coded.get(channel)

    def _readings(self, record: Record, channel: int) -> NDArray[np.float64]:
        """Return what the screen shows of one input, in its unit; shape (record.n,)."""
        wiring, state = self.wiring[channel], record.channels[channel]
        if wiring.quantity is None:
            readings = np.zeros(record.n)
            self._noise[channel].add(readings, record.start, _IDLE_NOISE_V * state.probe)
            return readings
        if self._samples is None or self._samples[0] is not record:
            rate_hz = NS / record.period_ns
            self._samples = record, self._waveform.sample(record.start, record.n, rate_hz)
        readings = self._samples[1][wiring.quantity] * (state.probe / wiring.ratio)
        return readings - readings.mean() if state.coupling == "AC" else readings

    def _arm(self, at_ns: int) -> _Acquisition:
        period_ns, n = self.period_ns, self.n_points
        start = -(-(at_ns + round(self.settings.trigger_latency_s * NS)) // period_ns)
        dead_ns = round(self.settings.dead_time_s * NS)
        previous = self._record
        if self.settings.gap_free:
            dead_ns = 0
            if previous is not None and previous.period_ns == period_ns:
                oldest = at_ns // period_ns - round(self.settings.memory_s * NS / period_ns)
                start = max(previous.start + previous.n, oldest)
        channels = tuple(replace(channel) for channel in self.panel.channels)
        record = Record(start, n, period_ns, channels, self._ahead_ns)
        return _Acquisition(record, record.stop_ns + dead_ns)

    def _settle(self) -> None:
        """Bring the state up to the present."""
        while self._acquiring is not None and self._acquiring.done_ns <= self._now_ns():
            done = self._acquiring
            self._record = done.record
            self._n_done += 1
            if self._first_ns is None:
                self._first_ns = done.record.clock_ns
            self._acquiring = None
            if done.repeat:
                self._acquiring = self._arm(done.done_ns)
                self._acquiring.repeat = True

    def _note(self, record: Record) -> None:
        last = self._last_read
        if last is record:
            return
        same_clock = last is not None and last.period_ns == record.period_ns
        lost = record.start - last.start - last.n if last is not None and same_clock else 0
        self._last_read = record
        self.truth.append((record.start, record.n))
        self._handed_out(Handed(record, lost))


def _nice(value: float) -> float:
    """Return the next of 1, 2, 5, 10 ... that is not smaller."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in itertools.chain((1, 2, 5), (10,)) if m * power >= value)
