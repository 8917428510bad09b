"""A scope as a source, against the bench: nothing lost, nothing twice, and gaps where they were."""

import asyncio
import contextlib
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sources.counted import N_RECORD, PERIOD, RATE_HZ, CountedScope, told

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.scope.faults import Fault
from monitor.bench.scope.panel import ScopeSettings
from monitor.config import InstrumentSettings
from monitor.errors import ConfigError, ConnectionLostError, InstrumentError
from monitor.model import NS, Block, Marker
from monitor.sources.scope import ScopeSource


def run(work, **scope):
    """Run a coroutine function with a bench; no thread and no task is left."""

    async def main():
        async with asyncio.timeout(30), CountedScope(**scope) as bench:
            await work(bench)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("wattstage")]


@contextlib.asynccontextmanager
async def playing(bench, **settings):
    """Yield a source, and an iterator over its items that is closed at the end."""
    async with (
        ScopeSource(bench.settings(**settings), bench.clock) as source,
        contextlib.aclosing(source.items()) as items,
    ):
        yield source, items


async def take(items, n_blocks):
    """Return the next items up to so many blocks."""
    taken = []
    async for item in items:
        taken.append(item)
        if sum(isinstance(item, Block) for item in taken) == n_blocks:
            return taken
    raise AssertionError("the source ended")


def check_samples(blocks):
    """Every sample tells an index that is one more than the one before."""
    for block in blocks:
        index = told(block)
        assert ((index - index[0] - np.arange(len(index))) % PERIOD == 0).all()


def true_time_ns(bench, block):
    """Return when the bench took the first sample of a block."""
    starts = [start for start, _ in bench.scope.truth if start % PERIOD == told(block)[0]]
    return min(map(bench.time_ns, starts), key=lambda ns: abs(ns - block.host_ns))


def test_a_gap_free_scope_loses_nothing():
    async def work(bench):
        async with playing(bench) as (source, items):
            blocks = await take(items, 15)
            info = source.info
        assert (info.continuous, info.sample_rate_hz, info.dtype) == (True, RATE_HZ, "uint16")
        assert [block.start for block in blocks] == list(range(0, 15 * N_RECORD, N_RECORD))
        everything = np.concatenate([told(block) for block in blocks])
        assert (np.diff(everything) % PERIOD == 1).all()

    run(work, gap_free=True)


def test_the_first_sample_and_every_record_lie_where_the_host_says():
    async def work(bench):
        async with playing(bench) as (source, items):
            blocks = await take(items, 10)
            info = source.info
        true_ns = true_time_ns(bench, blocks[0])
        assert abs(info.t0_ns - true_ns) <= info.t0_uncertainty_ns
        for block in blocks:
            true_ns = true_time_ns(bench, block)
            assert abs(block.host_ns - true_ns) <= block.host_uncertainty_ns

    run(work, gap_free=True)


def test_an_ordinary_scope_leaves_gaps_and_its_records_lie_within_their_uncertainty():
    async def work(bench):
        async with playing(bench) as (source, items):
            blocks = await take(items, 8)
            info = source.info
        assert not info.continuous
        check_samples(blocks)
        assert all(b.start > a.stop for a, b in pairwise(blocks))
        for block in blocks:
            true_ns = true_time_ns(bench, block)
            assert abs(block.host_ns - true_ns) <= block.host_uncertainty_ns
            assert abs(info.time_ns(block.start) - true_ns) <= (
                block.host_uncertainty_ns + info.t0_uncertainty_ns
            )

    run(work, dead_time_s=0.01)


def test_no_sample_is_invented_between_bytes_and_words():
    async def work(bench):
        bench.scope.panel.channels[0].range = bench.scope.panel.channels[1].range = 127.0
        async with playing(bench, format="BYTE") as (source, items):
            blocks = await take(items, 3)
            assert source.info.dtype == "uint8"
        check_samples(blocks)

    run(work, gap_free=True)


def test_a_scale_that_was_changed_at_the_scope_travels_with_its_block():
    async def work(bench):
        async with playing(bench) as (_, items):
            before = await take(items, 2)
            bench.scope.panel.channels[0].range *= 2
            after = await take(items, 4)
        check_samples([*before, *after])
        assert after[-1].scales[0].gain == pytest.approx(2 * before[0].scales[0].gain)

    run(work, gap_free=True)


def test_what_stands_outside_of_the_screen_is_counted():
    async def work(bench):
        bench.scope.panel.channels[0].range = 50.0  # of 0 to 99 V around 50
        async with playing(bench) as (_, items):
            (block,) = await take(items, 1)
        assert block.clipped[0] == pytest.approx(0.48 * N_RECORD, abs=15)
        assert block.clipped[1] == 0

    run(work, gap_free=True)


def events(items):
    return [item.attrs["kind"] for item in items if isinstance(item, Marker)]


def check_gap(items):
    """Blocks before the events continue each other, so do those after; between is a gap."""
    cut = next(k for k, item in enumerate(items) if isinstance(item, Marker))
    before = [item for item in items[:cut] if isinstance(item, Block)]
    after = [item for item in items[cut:] if isinstance(item, Block)]
    for blocks in (before, after):
        check_samples(blocks)
        assert all(b.start == a.stop for a, b in pairwise(blocks))
    assert after[0].start > before[-1].stop
    return before, after


def test_a_scope_that_was_switched_off_and_on_leaves_a_gap_and_two_events():
    async def work(bench):
        async with playing(bench) as (source, items):
            taken = await take(items, 4)
            await bench.server.stop()
            async for item in items:
                taken.append(item)
                if isinstance(item, Marker):
                    break
            await asyncio.sleep(0.1)  # some attempts in vain
            await bench.server.start()
            taken += await take(items, 4)
            info = source.info
        assert events(taken) == ["lost", "reconnected"]
        lost, again = (item for item in taken if isinstance(item, Marker))
        assert bench.server.visa in lost.attrs["text"]
        assert "answers again after" in again.attrs["text"]
        assert (lost.run_id, lost.stage) == (again.run_id, "event")
        assert lost.seq != again.seq
        before, after = check_gap(taken)
        assert info.time_ns(before[-1].stop) <= lost.time_ns
        # The clock of the scope began anew; the index went on by the host's.
        error_ns = info.time_ns(after[0].start) - after[0].host_ns
        assert abs(error_ns) <= after[0].host_uncertainty_ns + NS / RATE_HZ

    run(work, gap_free=True)


@pytest.mark.parametrize(
    "fault",
    ["no-lf", "short-block", "close-mid-block", "silence", "wrong-length", "stale-reply", "reset"],
)
def test_whatever_goes_wrong_on_the_wire_costs_a_gap_and_no_more(fault):
    async def work(bench):
        async with playing(bench) as (_, items):
            taken = await take(items, 3)
            bench.server.faults.inject(fault)
            taken += await take(items, 6)
        assert events(taken) == ["lost", "reconnected"]
        check_gap(taken)

    run(work, gap_free=True)


def test_a_timebase_that_was_changed_at_the_scope_drops_records_and_says_so_once():
    async def work(bench):
        async with playing(bench) as (_, items):
            taken = await take(items, 2)
            bench.scope.panel.range_s *= 2
            taken.append(await anext(items))
            if isinstance(taken[-1], Block):  # it was under way
                taken.append(await anext(items))
                if isinstance(taken[-1], Block):
                    taken.append(await anext(items))
            await asyncio.sleep(0.5)
            bench.scope.panel.range_s /= 2
            taken += await take(items, 3)
        assert events(taken) == ["dropped"]
        assert "timebase" in next(i for i in taken if isinstance(i, Marker)).attrs["text"]
        check_samples([item for item in taken if isinstance(item, Block)])

    run(work, gap_free=True)


def test_another_scope_at_the_same_address_ends_the_session(monkeypatch):
    async def work(bench):
        async with playing(bench) as (_, items):
            await take(items, 2)
            other = "KEYSIGHT TECHNOLOGIES,DSO-X 2012A,B,1"
            monkeypatch.setattr("monitor.bench.vendors.infiniivision.IDENTITY", other)
            bench.server.faults.inject(Fault.CLOSE_MID_BLOCK)
            with pytest.raises(InstrumentError, match=r"came back as .*2012A.*begin a new one"):
                await take(items, 100)

    run(work, gap_free=True)


def test_no_scope_at_all_is_an_error_and_not_a_retry():
    async def work(bench):
        await bench.server.stop()
        with pytest.raises(ConnectionLostError, match=r"no instrument answers at .*refused"):
            async with ScopeSource(bench.settings(), bench.clock):
                pass

    run(work)


def test_a_wrong_address_is_an_error():
    async def main():
        async with CountedScope() as bench:
            with pytest.raises(ConfigError, match="is no VISA address"):
                async with ScopeSource(bench.settings(address="scope"), bench.clock):
                    pass

    asyncio.run(main())


def test_leaving_does_not_wait_for_the_record():
    async def work(bench):
        async with playing(bench) as (_, items):
            await take(items, 1)
            bench.scope.panel.range_s = 400.0  # the next record takes longer than anybody waits
            next_item = asyncio.ensure_future(take(items, 5))
            await asyncio.sleep(0.2)
            next_item.cancel()
            await asyncio.gather(next_item, return_exceptions=True)

    run(work, gap_free=True)


def test_a_connection_that_is_cancelled_leaves_nothing():
    async def work(bench):
        async def enter():
            async with ScopeSource(bench.settings(record_s=400.0), bench.clock):
                pass

        entering = asyncio.create_task(enter())
        await asyncio.sleep(0.5)
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
        assert entering.cancelled()

    run(work)


def test_a_slow_consumer_of_a_gap_free_scope_loses_nothing():
    async def work(bench):
        async with playing(bench) as (_, items):
            blocks = await take(items, 3)
            await asyncio.sleep(0.5)  # ten records
            blocks += await take(items, 12)
        everything = np.concatenate([told(block) for block in blocks])
        assert (np.diff(everything) % PERIOD == 1).all()
        assert all(b.start == a.stop for a, b in pairwise(blocks))
        assert all(b.host_ns >= a.host_ns for a, b in pairwise(blocks))

    run(work, gap_free=True)


def test_a_real_capture_on_the_bench_draws_what_it_drew():
    async def main():
        folder = Path(__file__).parents[1] / "data" / "gpu_meter" / "3090_TR"
        bench = BenchSettings(capture=folder, scope=ScopeSettings(gap_free=True))
        powers = []
        async with Lab(bench) as lab:
            settings = InstrumentSettings(
                address=lab.visa, record_s=0.05, sample_rate_hz=20_000.0, timeout_s=2.0
            )
            async with (
                ScopeSource(settings) as source,
                contextlib.aclosing(source.items()) as items,
            ):
                async for block in items:
                    volts, amps = (
                        codes * scale.gain + scale.offset
                        for codes, scale in zip(block.codes, block.scales, strict=True)
                    )
                    if source.info.time_ns(block.start) >= lab.time_ns(0.2):
                        powers.append(float((volts * amps).mean()))
                    if source.info.time_ns(block.stop) > lab.time_ns(0.9):
                        break
        assert np.mean(powers) == pytest.approx(133.53, rel=0.01)  # before the load begins

    asyncio.run(main())


def test_a_rate_that_the_scope_does_not_reach_is_told(caplog):
    async def work(bench):
        async with playing(bench, sample_rate_hz=1e6) as (source, items):
            await take(items, 1)
            assert source.info.sample_rate_hz == 20_000.0

    run(work, gap_free=True, max_rate_hz=20_000.0)
    assert "samples at 20000 Hz, not at the 1e+06 Hz" in caplog.text


@pytest.mark.parametrize("record_s", [0.01, 0.05])
def test_records_too_short_for_what_may_be_mains_are_told_once_and_first(record_s):
    async def work(bench):
        async with playing(bench, record_s=record_s) as (_, items):
            taken = await take(items, 4)
        markers = [item for item in taken if isinstance(item, Marker)]
        assert [marker.attrs["kind"] for marker in markers] == ["warning"] * (record_s < 0.04)
        assert all(marker is taken[0] for marker in markers)
        assert all("set record_s = 0.04 or more" in marker.attrs["text"] for marker in markers)

    run(work)
