"""The coverage that a recording states is that of the bench's own books."""

import asyncio
import contextlib

import pytest
from kept_waiting import KeptWaiting

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.scope.panel import ScopeSettings
from monitor.config import InstrumentSettings
from monitor.model import Supply
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.sources.clock import SystemClock
from monitor.sources.scope import ScopeSource

RATE_HZ = 20_000.0
RECORD_S = 0.1
SECONDS = 6.0
DEAD = {0: None, 10: 0.011, 50: 0.1, 90: 0.9}
"""Seconds of dead time after each record, by its share of the time in percent."""


CASES = [
    *(("keysight", percent) for percent in DEAD),
    *(("lecroy", percent) for percent in (0, 50, 90)),  # by its own clock
    *(("tektronix", percent) for percent in (10, 50)),  # by the host's
]


@pytest.fixture(scope="module")
def coverages(tmp_path_factory):
    """Return what the recording says and what the bench knows, by case; all run at once.

    And by how much it may be off, as the machine was busy and the host's times were late.
    """
    folder = tmp_path_factory.mktemp("coverage")

    async def all_of_them():
        return await asyncio.gather(
            *(record(folder / f"{name}-{k}.h5", name, DEAD[k]) for name, k in CASES)
        )

    with KeptWaiting() as kept_waiting:
        found = zip(CASES, asyncio.run(all_of_them()), strict=True)
    return {case: (*each, kept_waiting.late_ns / 1e9 / SECONDS) for case, each in found}


async def record(path, dialect, dead_s):
    settings = BenchSettings(
        dialect=dialect,
        supply="dc",
        scope=ScopeSettings(gap_free=dead_s is None, dead_time_s=dead_s or 0.0),
    )
    async with contextlib.AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(settings))
        instrument = InstrumentSettings(
            address=lab.visa, record_s=RECORD_S, sample_rate_hz=RATE_HZ, supply=Supply.DC
        )
        source = await stack.enter_async_context(ScopeSource(instrument, SystemClock()))
        info, n_blocks = source.info, 0
        with Recorder(path, info) as recorder:
            async with contextlib.aclosing(source.items()) as items:
                async for item in items:
                    recorder.put(item)
                    n_blocks += 1
                    if item.stop >= SECONDS * info.sample_rate_hz:
                        break
    # The source took some records to find out what it has before it, and one ahead of us.
    truth = lab.scope.truth
    first = min(range(len(truth)), key=lambda k: away_ns(lab, truth[k][0], info))
    kept = truth[first : first + n_blocks]
    (start, _), (last, n) = kept[0], kept[-1]
    true = sum(n for _, n in kept) / (last + n - start)
    with Recording(path) as recording:
        assert recording.n_blocks == n_blocks == len(kept)
        return recording.coverage, true


def away_ns(lab, start, info):
    """Return how far from the session's begin a record of the bench began."""
    return abs(lab.zero_ns + start / info.sample_rate_hz * 1e9 - info.t0_ns)


@pytest.mark.parametrize(("dialect", "percent"), CASES)
def test_it_is_the_benchs_own_within_a_thousandth(coverages, dialect, percent):
    stated, true, late = coverages[dialect, percent]
    # A busy machine adds dead time of its own, which both sides count.
    meant = 1 - percent / 100
    assert 0.1 * meant < true < meant + 0.02
    assert stated == pytest.approx(true, abs=0.001, rel=0.0 if dialect == "lecroy" else late)
