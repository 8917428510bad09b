"""A host whose clock is off: its readings are placed by ours."""

import asyncio
import threading
import time

from monitor.markers import client as module
from monitor.markers.client import MarkerClient
from monitor.markers.feed import MarkerFeed
from monitor.model import NS, Reading
from monitor.telemetry import report
from monitor.telemetry.poll import Poller
from monitor.telemetry.report import Telemetry
from monitor.telemetry.sensors import Changes, Group, Sensor

LIMIT_S = 30.0
AHEAD_S = 3.0
NEAR_S = 0.1  # a busy machine; the clocks' own bound is a few milliseconds


def test_readings_of_a_host_that_is_three_seconds_ahead_are_where_they_belong(
    broker, prefix, monkeypatch
):
    """The sensor reads the true time, so each reading says when it was taken."""
    sensor = Sensor(name="true time", device="d", unit="s", interval_s=0.05)
    group = Group((sensor,), (Changes(0.0),), 0.05, lambda: (time.time(),))

    def ahead_ns():
        return time.time_ns() + round(AHEAD_S * NS)

    monkeypatch.setattr(report, "gpus", lambda *_: [group])
    monkeypatch.setattr(report, "processors", lambda *_: [])
    monkeypatch.setattr(report, "Poller", lambda groups, say: Poller(groups, say, ahead_ns))
    monkeypatch.setattr(module, "_now_ns", ahead_ns)
    monkeypatch.setattr(module, "_clock", lambda: "another")
    over = threading.Event()

    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            readings = []
            async with asyncio.timeout(LIMIT_S):
                while len(readings) < 20:
                    item = await anext(feed)
                    if isinstance(item, Reading):
                        readings.append(item)
            return readings, feed.n_malformed

    client = MarkerClient(broker.url, prefix=prefix, run_id="run")
    thread = threading.Thread(target=Telemetry().publish, args=(client, over.wait))
    thread.start()
    try:
        readings, n_malformed = asyncio.run(run())
    finally:
        over.set()
        thread.join()
        client.close()
    assert n_malformed == 0
    off_s = [reading.time_ns / NS - reading.value for reading in readings]
    assert max(map(abs, off_s)) < NEAR_S
