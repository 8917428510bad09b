"""From a host's sensors over a real broker to a recording."""

import asyncio
import contextlib
import signal
import sys
import time

import pytest
from fakes import ListSource, dc_block

from monitor.config import HistorySettings, MetricsSettings
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.feed import MarkerFeed
from monitor.model import Marker, Reading
from monitor.recording.reader import Recording
from monitor.session import Session
from monitor.sources.clock import SystemClock

LIMIT_S = 30.0


async def items_until(feed, enough):
    """Return all that came until some of it is enough."""
    items = []
    async with asyncio.timeout(LIMIT_S):
        async for item in feed:
            items.append(item)
            if enough(items):
                return items
    return items


def readings(items):
    return [item for item in items if isinstance(item, Reading)]


def names(items):
    return {reading.channel.name for reading in readings(items)}


def powercap(root):
    zone = root / "intel-rapl:0"
    zone.mkdir()
    for name, text in (("name", "package-0"), ("max_energy_range_uj", "9999"), ("energy_uj", "5")):
        (zone / name).write_text(text + "\n")
    return zone


def test_the_command_tells_what_the_sensors_say_and_ends_in_good_order(
    broker, prefix, command, tmp_path
):
    zone = powercap(tmp_path)

    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            process = command(
                "telemetry", "--broker", broker.url, "--prefix", prefix, "--powercap", tmp_path
            )

            def enough(items):
                (zone / "energy_uj").write_text(f"{len(items) % 9999}\n")
                return len(names(items)) == 10

            items = await items_until(feed, enough)
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.to_thread(process.communicate, timeout=LIMIT_S)
            return items, process.returncode, out, err, feed.n_malformed

    items, code, out, err, n_malformed = asyncio.run(run())
    assert (code, err, n_malformed) == (0, "", 0)
    assert "GPU 0 power, NVML 1 s average in W, NVIDIA Fake 1 GPU-00000000 (mean of" in out
    told = readings(items)
    assert {"GPU 0 power, NVML energy counter", "CPU 0 package power, RAPL"} <= names(items)
    assert all(95.0 < r.value < 405.0 for r in told if "instant" in r.channel.name)
    assert all(100.0 <= r.value <= 400.0 for r in told if "average" in r.channel.name)
    assert all(abs(r.time_ns - r.received_ns) < LIMIT_S * 1e9 for r in told)
    channels = [item for item in items if isinstance(item, tuple)]
    assert {r.channel for r in told} <= set(channels[0])
    assert channels[0][0].source.startswith("NVIDIA Fake 1 GPU-00000000, ")


def test_who_comes_late_and_whom_a_broker_forgot_is_told_what_there_is(prefix, command):
    async def run():
        with EmbeddedBroker(0) as first:
            url, port = first.url, int(first.url.rpartition(":")[2])
            process = command("telemetry", "--broker", url, "--prefix", prefix)
            async with MarkerFeed(url, prefix=prefix) as feed:
                await items_until(feed, readings)
            async with MarkerFeed(url, prefix=prefix) as late:
                assert len(names(await items_until(late, lambda items: len(names(items)) > 8))) == 9
        with EmbeddedBroker(port) as second:
            async with MarkerFeed(second.url, prefix=prefix) as feed:
                assert await items_until(feed, readings)
                process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(process.wait, LIMIT_S)
            async with MarkerFeed(second.url, prefix=prefix) as after:
                await after.wait_connected(LIMIT_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        return await anext(after)
        return None

    assert asyncio.run(run()) is None, "the broker keeps nothing of who has ended"


def test_a_broker_that_is_not_there_is_said_once(command, tmp_path):
    powercap(tmp_path)
    process = command("telemetry", "--broker", "mqtt://127.0.0.1:9", "--powercap", tmp_path)
    assert "nobody hears it yet: " in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err) == (0, "")


def test_a_host_with_nothing_to_tell_says_why(broker, prefix, command, tmp_path):
    process = command(
        "telemetry", "--broker", broker.url, "--powercap", tmp_path / "none", gpus="none"
    )
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (1, "")
    assert "no GPU telemetry: NVML says Driver Not Loaded\n" in err
    assert "there are no RAPL zones in" in err
    assert "this host has nothing to tell" in err


def test_run_tells_of_the_host_meanwhile_and_changes_nothing_else(broker, prefix, command):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            process = command(
                "run", "--broker", broker.url, "--prefix", prefix, "--",
                sys.executable, "-c", "input(); print(42); exit(3)", stdin=-1,
            )  # fmt: skip
            items = await items_until(feed, lambda items: len(names(items)) >= 8)
            out, err = await asyncio.to_thread(process.communicate, "\n", LIMIT_S)
            items += await items_until(feed, lambda items: items[-1].edge.value == "end")
            return items, process.returncode, out, err

    items, code, out, err = asyncio.run(run())
    assert (code, out, err) == (3, "42\n", "")
    markers = [item for item in items if isinstance(item, Marker)]
    assert {"run", "abort", "event"} <= {marker.stage for marker in markers}
    (event,) = [marker for marker in markers if marker.stage == "event"]
    assert "no CPU telemetry" in event.attrs["text"]


def test_run_without_telemetry_tells_nothing_of_the_host(broker, prefix, command):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            process = command(
                "run", "--no-telemetry", "--broker", broker.url, "--prefix", prefix, "--", "sleep",
                "1",
            )  # fmt: skip
            await asyncio.to_thread(process.communicate, timeout=LIMIT_S)
            return await items_until(
                feed,
                lambda items: getattr(items[-1], "edge", None) and items[-1].edge.value == "end",
            )

    items = asyncio.run(run())
    assert all(isinstance(item, Marker) for item in items)
    assert "event" not in {item.stage for item in items}


def test_telemetry_ends_with_a_run_that_is_killed(broker, prefix, command):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            process = command(
                "run", "--broker", broker.url, "--prefix", prefix, "--", "sleep", "4",
                start_new_session=True,
            )  # fmt: skip
            await items_until(feed, readings)
            process.kill()
            last_s = time.monotonic()
            while time.monotonic() < last_s + 1.5:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        if isinstance(await anext(feed), Reading):
                            last_s = max(last_s, time.monotonic())
            return True

    async def limited():
        async with asyncio.timeout(LIMIT_S):
            return await run()

    assert asyncio.run(limited())


def test_channels_that_come_late_are_recorded_and_known_at_once(broker, prefix, command, tmp_path):
    path = tmp_path / "run.h5"

    async def run():
        feed = MarkerFeed(broker.url, prefix=prefix)
        session = Session(
            ListSource([dc_block(k * 1000, 100.0) for k in range(3)], hold=True),
            feed,
            metrics=MetricsSettings(),
            history=HistorySettings(),
            clock=SystemClock(),
        )
        async with feed, asyncio.timeout(LIMIT_S):
            await feed.wait_connected(LIMIT_S)
            running = asyncio.create_task(session.run(record=path))
            await session.started.wait()
            assert session.snapshot.slow == ()
            command("telemetry", "--broker", broker.url, "--prefix", prefix)
            while sum(now.value == now.value for now in session.snapshot.slow) < 9:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            view, table = session.frame(None, None, 1000, 100), session.table()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            return session.snapshot, view, table

    snapshot, frame, table = asyncio.run(run())
    assert table.total.energy_j == pytest.approx(30.0, rel=1e-3)  # nothing is added to it
    assert snapshot.metrics.power_w == pytest.approx(100.0, abs=0.1)  # of the scope alone
    called = [now.channel.name for now in snapshot.slow]
    assert [each.channel.name for each in frame.slow] == called
    with Recording(path) as recording:
        assert [channel.name for channel in recording.slow.channels] == called
        recorded = list(recording.slow)
    assert {reading.channel.name for reading in recorded} == set(called)
