"""A replay is the session again: after the same items it shows the same numbers."""

import asyncio
import contextlib

import msgspec
import pytest

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.load.workload import WorkloadSettings
from monitor.config import HistorySettings, InstrumentSettings, MetricsSettings, Settings
from monitor.engine.assemble import described, metrics_of
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.feed import MarkerFeed
from monitor.recording.reader import Recording
from monitor.session import Session
from monitor.sources.clock import SystemClock
from monitor.sources.replay import ReplaySource
from monitor.sources.scope import ScopeSource

LOAD = WorkloadSettings(speed=20.0, frames=17, steps=5, n_clips=2)
METRICS = MetricsSettings(averages_s=(0.04, 0.5), ramps_s=(0.2,))
SECONDS = 4.0
SAME = ("info", "supply", "start", "average_windows_s", "ramp_windows_s", "stages", "metrics")


def session_of(source, feed, metrics, **more):
    return Session(
        source, feed, metrics=metrics, history=HistorySettings(), clock=SystemClock(), **more
    )


async def recorded(path):
    """Record the bench, and return every snapshot that the live session showed."""
    async with contextlib.AsyncExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        feed = await stack.enter_async_context(MarkerFeed(broker.url))
        load = BenchSettings(workload=LOAD, broker=broker.url)
        lab = await stack.enter_async_context(Lab(load))
        instrument = InstrumentSettings(address=lab.visa, record_s=0.05, sample_rate_hz=20_000.0)
        settings = Settings(instrument=instrument, metrics=METRICS)
        source = ScopeSource(instrument, SystemClock())
        said = {"profile": described(settings)}
        session = session_of(source, feed, METRICS, described=said)
        shown = []
        run = asyncio.create_task(session.run(record=path, seconds=SECONDS))
        while not run.done():
            if session.snapshot.metrics is not None and session.snapshot.state == "running":
                shown.append(session.snapshot)
            await asyncio.sleep(0.01)
        await run
        return shown, session.table()


class Steps:
    """A source whose session is looked at after each item."""

    def __init__(self, source):
        self.source = source
        self.session = None
        self.shown = {}

    @property
    def info(self):
        return self.source.info

    async def __aenter__(self):
        await self.source.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.source.__aexit__(*error)

    async def items(self):
        async with contextlib.aclosing(self.source.items()) as items:
            async for item in items:
                yield item
                for _ in range(10):  # until it is taken
                    await asyncio.sleep(0)
                self.session.refresh()
                now = self.session.snapshot
                self.shown[now.stop, now.n_markers] = now


async def replayed(path):
    """Replay a recording, and return what was shown after each item."""
    with Recording(path) as recording:
        replay = ReplaySource(recording, speed=float("inf"), start_index=None, clock=SystemClock())
        steps = Steps(replay)
        steps.session = session_of(steps, None, metrics_of(recording))
        await steps.session.run()
        return steps.shown, steps.session.table()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    async def work():
        path = tmp_path_factory.mktemp("again") / "s.h5"
        return await recorded(path), await replayed(path)

    return asyncio.run(work())


def test_every_snapshot_of_the_live_session_is_shown_again(both):
    (live, _), (again, _) = both
    assert len({shown.stop for shown in live}) > 10
    assert any(shown.stages for shown in live)
    for shown in live:
        same = again[shown.stop, shown.n_markers]
        for name in SAME:
            value, wanted = getattr(same, name), getattr(shown, name)
            # As JSON, where not a number is the same as not a number.
            assert msgspec.json.encode(value) == msgspec.json.encode(wanted), name


def test_and_so_is_the_table(both):
    (_, table), (_, again) = both
    assert msgspec.json.encode(again) == msgspec.json.encode(table)
    assert table.stages
