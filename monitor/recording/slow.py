"""The slow channels of a recording: what each is, and its readings by time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.dsp.held import Held
from monitor.dsp.interruptions import interrupted, may_interrupt
from monitor.model import NS, Marker, Reading, SlowChannel, SlowValue, SlowView


def check(reading: Reading) -> None:
    """Raise TypeError or ValueError if a reading could not be read back as it is."""
    if not math.isfinite(reading.value):
        raise ValueError(f"{reading.channel.name} reads {reading.value}, which is no number")
    check_channel(reading.channel)


def check_channel(channel: SlowChannel) -> None:
    """Raise TypeError or ValueError if a channel could not be read back as it is."""
    msgspec.convert(msgspec.to_builtins(channel), SlowChannel)


def encode(channel: SlowChannel) -> bytes:
    """Return a channel as one line of JSON."""
    return json.dumps(msgspec.to_builtins(channel)).encode() + b"\n"


def decode(heap: bytes) -> tuple[SlowChannel, ...]:
    """Return the channels of a heap of lines; a last one that is not ended is not there yet.

    Raises
    ------
    ValueError
        If a line is no channel.
    """
    lines = heap.split(b"\n")[:-1]
    return tuple(msgspec.convert(json.loads(line), SlowChannel) for line in lines)


class SlowReadings:
    """All readings of a recording, of every slow channel.

    Parameters
    ----------
    channels
        By number.
    rows
        ``schema.READING_ROW``, in recorded order.
    events
        Markers, among which are those that tell of error values and losses.
    """

    def __init__(
        self,
        channels: tuple[SlowChannel, ...],
        rows: NDArray[np.void],
        events: tuple[Marker, ...] = (),
    ) -> None:
        self.channels = channels
        self._rows = rows
        self._events = tuple(filter(may_interrupt, events))

    def __len__(self) -> int:
        """Return how many readings there are."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Reading]:
        """Yield the readings as they were recorded."""
        for _, number, time_ns, received_ns, value in self._rows.tolist():
            yield Reading(
                channel=self.channels[number],
                time_ns=time_ns,
                received_ns=received_ns,
                value=value,
            )

    def counts(self) -> Iterator[tuple[SlowChannel, int]]:
        """Yield each channel with the number of its readings."""
        for number, channel in enumerate(self.channels):
            yield channel, int(np.count_nonzero(self._rows["channel"] == number))

    @property
    def order(self) -> NDArray[np.int64]:
        """Return the place of each reading among all items."""
        return np.ascontiguousarray(self._rows["order"])

    @cached_property
    def held(self) -> dict[SlowChannel, Held]:
        """Return the readings of each channel as steps."""
        found: dict[SlowChannel, Held] = {}
        for channel in self.channels:
            numbers = [number for number, one in enumerate(self.channels) if one == channel]
            rows = self._rows[np.isin(self._rows["channel"], numbers)]
            rows = rows[np.isfinite(rows["value"])]
            found[channel] = Held(channel)
            found[channel].extend(rows["time_ns"], rows["value"])
        for event in self._events:
            for channel in interrupted(event, found):
                found[channel].interrupt(event.time_ns)
        return found

    def read(
        self, channel: SlowChannel, start_ns: int, stop_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return times and values of a channel in ``[start_ns, stop_ns)``, sorted by time."""
        return self.held[channel].read(start_ns, stop_ns)

    def view(self, start_ns: int, stop_ns: int, n_columns: int) -> tuple[SlowView, ...]:
        """Return what a plot of a span of UTC needs; one per channel."""
        return tuple(held.view(start_ns, stop_ns, n_columns) for held in self.held.values())

    def values(self, at_ns: int) -> tuple[SlowValue, ...]:
        """Return where each channel stood at a UTC time."""
        found = []
        for channel, held in self.held.items():
            time_ns, value = held.at(at_ns) or (None, math.nan)
            age_s = math.nan if time_ns is None else (at_ns - time_ns) / NS
            found.append(SlowValue(channel=channel, value=value, age_s=age_s))
        return tuple(found)
