"""A replay gives what was recorded, when it was due."""

import asyncio
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.scripted import JumpingClock

from monitor.errors import ConfigError
from monitor.model import NS, Block, Channel, Edge, Marker, Quantity, Scale, StreamInfo
from monitor.sources.replay import ReplaySource

RATE_HZ = 1000.0
T0_NS = 1_600_000_000 * NS
INFO = StreamInfo(
    channels=(Channel(name="p", quantity=Quantity.POWER),),
    sample_rate_hz=RATE_HZ,
    t0_ns=T0_NS,
    t0_uncertainty_ns=0,
    dtype="int16",
    continuous=False,
)


@dataclass
class Tape:
    """A recording in memory."""

    recorded: list
    info: StreamInfo = INFO

    @property
    def bounds(self):
        blocks = [item for item in self.recorded if isinstance(item, Block)]
        return blocks[0].start, blocks[-1].stop

    def items(self):
        return iter(self.recorded)


def block(start, stop):
    codes = np.arange(start, stop, dtype=np.int16)[np.newaxis]
    return Block(start, codes, (Scale(1.0, 0.0),), (0,), INFO.time_ns(start), 0)


def marker(index, seq, received=None):
    return Marker(
        time_ns=INFO.time_ns(index),
        received_ns=INFO.time_ns(index if received is None else received),
        stage="step",
        edge=Edge.INSTANT,
        seq=seq,
    )


SESSION = [
    block(0, 500),
    marker(600, 1),
    block(500, 1000),
    block(1500, 2000),  # behind a gap
    marker(1200, 2, received=1210),  # late
    marker(99_999_999, 3),  # of a sender whose clock is wrong
    block(2000, 3000),
    marker(3100, 4),
]


def play(recorded=SESSION, *, speed=1.0, start=None, act=lambda source, n: None):
    """Return (item, playhead in s when it came), for all items."""

    async def work():
        clock = JumpingClock()
        begin_ns = clock.now_ns()
        async with ReplaySource(
            Tape(recorded), speed=speed, start_index=start, clock=clock
        ) as source:
            assert source.info is INFO
            came = []
            async for item in source.items():
                came.append((item, (clock.now_ns() - begin_ns) / NS, source.position))
                act(source, len(came))
            return came

    return asyncio.run(work())


@pytest.mark.parametrize("speed", [0.1, 1.0, 7.0, 100.0, math.inf])
@pytest.mark.parametrize("start", [None, 0, 700, 1200, 3000])
def test_the_items_are_the_recorded_ones_in_recorded_order(speed, start):
    came = [item for item, _, _ in play(speed=speed, start=start)]
    assert len(came) == len(SESSION)
    assert all(a is b for a, b in zip(came, SESSION, strict=True))


def test_a_block_comes_when_its_last_sample_is_due_and_a_marker_when_it_arrived():
    times = [at_s for _, at_s, _ in play()]
    assert times == pytest.approx([0.5, 0.6, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0], abs=1e-3)


@given(st.floats(0.1, 100.0))
def test_speed_scales_the_time(speed):
    times = [at_s * speed for _, at_s, _ in play(speed=speed)]
    assert times == pytest.approx([0.5, 0.6, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0], abs=2e-4 * speed + 1e-6)


def test_an_infinite_speed_does_not_wait():
    assert {at_s for _, at_s, _ in play(speed=math.inf)} == {0.0}


def test_what_came_before_the_start_comes_at_once():
    times = [at_s for _, at_s, _ in play(start=1500)]
    assert times == pytest.approx([0.0, 0.0, 0.0, 0.5, 0.5, 1.5, 1.5, 1.5], abs=1e-3)


def test_the_start_may_lie_inside_a_block():
    times = [at_s for _, at_s, _ in play(start=750)]
    assert times[:3] == pytest.approx([0.0, 0.0, 0.25], abs=1e-3)


def test_a_change_of_speed_holds_from_where_the_playhead_is():
    def act(source, n):
        if n == 3:
            source.set_speed(10.0)

    times = [at_s for _, at_s, _ in play(act=act)]
    assert times[2:4] == pytest.approx([1.0, 1.1], abs=1e-3)


class Stage:
    """A replay that runs beside the test, on a clock that only the test moves."""

    def __init__(self, **options):
        self.clock = HeldClock()
        self.source = ReplaySource(Tape(SESSION), clock=self.clock, **options)
        self.came = []

    async def __aenter__(self):
        self._task = asyncio.create_task(self._take())
        await self.advance(0.0)
        return self

    async def __aexit__(self, *error):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _take(self):
        async with self.source as source:
            async for item in source.items():
                self.came.append(item)

    async def advance(self, seconds):
        """Let time pass in small steps."""
        for _ in range(round(seconds / 0.01)):
            self.clock.advance(0.01)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)


class HeldClock(JumpingClock):
    """Sleeps until somebody else has moved it on."""

    async def sleep(self, seconds):
        until_ns = self.now_ns() + round(seconds * NS)
        while self.now_ns() < until_ns:  # noqa: ASYNC110  # there is no event: a clock was moved
            await asyncio.sleep(0)


def test_a_pause_holds_the_playhead_and_what_comes():
    async def work():
        async with Stage(speed=1.0, start_index=None) as stage:
            await stage.advance(0.55)
            stage.source.pause()
            held = stage.source.position
            await stage.advance(5.0)
            assert (len(stage.came), stage.source.position) == (1, held)
            assert held == pytest.approx(550, abs=50)
            stage.source.resume()
            await stage.advance(0.5)
            assert len(stage.came) == 3

    asyncio.run(work())


def test_a_replay_can_begin_paused():
    async def work():
        async with Stage(speed=math.inf, start_index=None) as stage:
            pass
        stage = Stage(speed=math.inf, start_index=None)
        stage.source.pause()
        async with stage:
            await stage.advance(1.0)
            assert not stage.came
            stage.source.resume()
            await stage.advance(0.1)
            assert len(stage.came) == len(SESSION)

    asyncio.run(work())


def test_a_new_speed_takes_effect_within_fifty_milliseconds():
    async def work():
        async with Stage(speed=0.1, start_index=None) as stage:
            await stage.advance(0.1)
            stage.source.set_speed(100.0)
            await stage.advance(0.05)
            assert len(stage.came) == len(SESSION)

    asyncio.run(work())


def test_the_playhead_moves_between_items():
    async def work():
        async with Stage(speed=1.0, start_index=None) as stage:
            seen = []
            for _ in range(10):
                await stage.advance(0.04)
                seen.append(stage.source.position)
            assert seen == pytest.approx([40 * k for k in range(1, 11)], abs=2)

    asyncio.run(work())


def test_a_slow_consumer_makes_the_playhead_wait():
    async def work():
        clock = JumpingClock()
        source = ReplaySource(Tape(SESSION), speed=1.0, start_index=None, clock=clock)
        positions, times = [], []
        begin_ns = clock.now_ns()
        async for _ in source.items():
            times.append((clock.now_ns() - begin_ns) / NS)
            clock.advance(2.0)
            positions.append(source.position)
        assert positions[:4] == [500, 600, 1000, 2000]
        assert np.diff(times).min() >= 2.0
        assert times[-1] < 8 * 2.0 + 3.0

    asyncio.run(work())


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 300)), min_size=1, max_size=8))
def test_a_recording_of_any_shape_takes_as_long_as_it_lasts(shape):
    recorded, stop = [], 0
    for gap, n in shape:
        recorded.append(block(stop + gap, stop + gap + n))
        stop += gap + n
    start = recorded[0].start
    came = play(recorded)
    assert [item.start for item, _, _ in came] == [item.start for item in recorded]
    assert came[-1][1] == pytest.approx((stop - start) / RATE_HZ, abs=1e-3)


@pytest.mark.parametrize("speed", [0.0, 0.09, 100.1, -1.0, math.nan, -math.inf])
def test_a_speed_out_of_range_is_refused(speed):
    with pytest.raises(ConfigError, match=r"0\.1 to 100"):
        ReplaySource(Tape(SESSION), speed=speed, start_index=None, clock=JumpingClock())
    source = ReplaySource(Tape(SESSION), speed=1.0, start_index=None, clock=JumpingClock())
    with pytest.raises(ConfigError, match=r"0\.1 to 100"):
        source.set_speed(speed)


@pytest.mark.parametrize("start", [-1, 3001])
def test_a_start_outside_of_the_recording_is_refused(start):
    with pytest.raises(ConfigError, match=r"from 0 to 3\.000 s"):
        ReplaySource(Tape(SESSION), speed=1.0, start_index=start, clock=JumpingClock())
