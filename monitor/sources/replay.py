"""A recording as a source: the same items in the same order, when they were due."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterator
from types import TracebackType
from typing import Protocol, Self

from monitor.errors import ConfigError
from monitor.model import NS, Block, Marker, Reading, StreamInfo
from monitor.sources.clock import Clock
from monitor.sources.source import Item

_STEP_S = 0.04  # a change of speed, or a pause, is noticed within this
_SLACK_S = 0.1  # more than this late, and the rest is not hurried after
_LEAST_S = 1e-4  # no busy waiting for the last nanosecond


class Recorded(Protocol):
    """What a replay needs of a recording."""

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block."""
        ...

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the first sample index and the one after the last."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield blocks, markers and readings in recorded order."""
        ...


class ReplaySource:
    """Emits what was recorded, item by item, as fast as asked.

    A block is due when its last sample is; a marker or a reading when it arrived, but never after
    the block that was recorded behind it. What was due before the start is emitted at once, so
    every number is what the live session showed at that moment. Where the consumer is slower, the
    playhead waits for it.

    Parameters
    ----------
    recording
        Stays open while this is used.
    speed
        0.1 to 100 times as fast as it happened, or infinite: as fast as it is taken.
    start_index
        Sample index at which the playhead begins; None begins with the first sample.
    clock
        Paces it.

    Raises
    ------
    ConfigError
        If the speed is out of range, or the start lies outside of the recording.
    """

    def __init__(
        self, recording: Recorded, *, speed: float, start_index: int | None, clock: Clock
    ) -> None:
        first, stop = recording.bounds
        start = first if start_index is None else start_index
        if not first <= start <= stop:
            rate_hz = recording.info.sample_rate_hz
            raise ConfigError(
                f"the replay cannot begin at {(start - first) / rate_hz:.3f} s: the recording"
                f" lasts from 0 to {(stop - first) / rate_hz:.3f} s"
            )
        self._recording = recording
        self._clock = clock
        self._speed = _checked(speed)
        self._paused = False
        self._due = start
        """The playhead does not go beyond the item that comes next."""
        self._anchor: tuple[int, float] | None = None
        """Clock time and sample index from which the playhead moves; None before it does."""
        self._start = start

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block."""
        return self._recording.info

    @property
    def position(self) -> int:
        """Return the sample index of the playhead."""
        return math.floor(min(self._moved(), self._due))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def pause(self) -> None:
        """Hold the playhead."""
        self._move_from(self.position)
        self._paused = True

    def resume(self) -> None:
        """Let the playhead go on."""
        self._move_from(self.position)
        self._paused = False

    def set_speed(self, speed: float) -> None:
        """Play ``speed`` times as fast as it happened; ConfigError if out of range."""
        speed = _checked(speed)
        self._move_from(self.position)
        self._speed = speed

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield the items of the recording; the n-th is its n-th item."""
        self._anchor = self._clock.now_ns(), float(self._start)
        due = self._recording.bounds[0]
        for between, block in _groups(self._recording.items()):
            stop = due if block is None else block.stop
            for item in between:
                arrived = self.info.index_at(item.received_ns or item.time_ns)
                due = min(max(due, arrived), max(due, stop))
                await self._until(due)
                yield item
            if block is not None:
                due = max(due, stop)
                await self._until(due)
                yield block

    async def _until(self, due: int) -> None:
        """Wait until the playhead has reached a sample index."""
        if due <= self._start:
            return
        self._due = due
        while self._paused or self._moved() < due:
            # The end of an item is met exactly; a change on the way, soon.
            left_s = (due - self._moved()) / (self.info.sample_rate_hz * self._speed)
            await self._clock.sleep(
                _STEP_S if self._paused else min(max(left_s, _LEAST_S), _STEP_S)
            )
        late_s = (self._moved() - due) / (self.info.sample_rate_hz * self._speed)
        if math.isinf(self._speed) or late_s > _SLACK_S:
            self._move_from(due)

    def _moved(self) -> float:
        """Return where the playhead would be if every item were there."""
        if self._anchor is None:
            return self._start
        since_ns, index = self._anchor
        if self._paused:
            return index
        if math.isinf(self._speed):
            return math.inf
        passed_s = (self._clock.now_ns() - since_ns) / NS
        return index + passed_s * self._speed * self.info.sample_rate_hz

    def _move_from(self, index: int) -> None:
        if self._anchor is not None:
            self._anchor = self._clock.now_ns(), float(index)


def _groups(items: Iterator[Item]) -> Iterator[tuple[list[Marker | Reading], Block | None]]:
    """Yield each block with what was recorded between it and the one before; the last is none."""
    between: list[Marker | Reading] = []
    for item in items:
        if not isinstance(item, Block):
            between.append(item)
            continue
        yield between, item
        between = []
    yield between, None


def _checked(speed: float) -> float:
    if not (0.1 <= speed <= 100.0 or speed == math.inf):
        raise ConfigError(f"the speed of a replay must be 0.1 to 100, or infinite, got {speed}")
    return speed
