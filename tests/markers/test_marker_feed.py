"""The feed delivers what is published, and lives through what brokers and senders do."""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client

from monitor.dsp.headers import stands
from monitor.dsp.stages import StageTree
from monitor.errors import BrokerError, ConfigError
from monitor.markers import presence
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.client import MarkerClient
from monitor.markers.feed import MarkerFeed
from monitor.markers.payload import decode
from monitor.model import Edge

LIMIT_S = 20.0
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
POINT = {"schema": 1, "run_id": "r", "seq": 7, "event": "point", "stage": "note", "ts_ns": 5}


async def take(feed, n):
    """Return the next markers, without those that hold for whole runs."""
    taken = []
    async with asyncio.timeout(LIMIT_S):
        while len(taken) < n:
            marker = await anext(feed)
            if not stands(marker):
                taken.append(marker)
    return taken


async def until(true):
    async with asyncio.timeout(LIMIT_S):
        while not true():  # noqa: ASYNC110 (what it waits for is not ours to signal)
            await asyncio.sleep(0.01)


def publish(url, topic, *payloads):
    host, port = url.removeprefix("mqtt://").split(":")
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(host, int(port))
    client.loop_start()
    for payload in payloads:
        client.publish(topic, payload, qos=1).wait_for_publish(LIMIT_S)
    client.disconnect()
    client.loop_stop()


async def five_hundred(url, prefix):
    async with MarkerFeed(url, prefix=prefix) as feed:
        await feed.wait_connected(LIMIT_S)
        with MarkerClient(url, prefix=prefix) as client:
            for number in range(500):
                client.point("note", number=number)
            markers = await take(feed, 500)
            await asyncio.to_thread(client.close)
        assert [m.attrs["number"] for m in markers] == list(range(500))
        assert [m.seq for m in markers] == list(range(1, 501))
        assert {m.run_id for m in markers} == {client.run_id}
        assert client.n_dropped == feed.n_malformed == feed.n_lost == 0


def test_five_hundred_markers_arrive_once_and_in_order(broker, prefix):
    asyncio.run(five_hundred(broker.url, prefix))


@pytest.fixture
def mosquitto(tmp_path, eventually):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
    with subprocess.Popen([MOSQUITTO, "-c", str(settings)], stderr=subprocess.DEVNULL) as process:

        def answers():
            assert process.poll() is None
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                return True
            return False

        eventually(answers)
        yield f"mqtt://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.skipif(not os.access(MOSQUITTO, os.X_OK), reason="mosquitto is not installed")
def test_mosquitto_delivers_them_too(mosquitto, prefix):
    asyncio.run(five_hundred(mosquitto, prefix))


def test_a_marker_says_what_was_sent_and_when_it_came(broker, prefix):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix, clock_ns=lambda: 99) as feed:
            await feed.wait_connected(LIMIT_S)
            with MarkerClient(broker.url, run_id="run", prefix=prefix) as client:
                span = client.begin("denoise", index=3, total=50, time_ns=55, prompt_hash="ab")
                client.end(span, time_ns=56)
                begin, end = await take(feed, 2)
        assert (begin.stage, begin.edge, begin.index, begin.total) == ("denoise", Edge.BEGIN, 3, 50)
        assert (begin.time_ns, begin.received_ns, begin.run_id) == (55, 99, "run")
        assert begin.attrs == {"prompt_hash": "ab"}
        assert (end.edge, end.span_id, end.attrs) == (Edge.END, begin.span_id, {"status": "ok"})

    asyncio.run(run())


def test_what_a_sender_tells_of_its_run_comes_as_a_point_once(broker, prefix):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            with MarkerClient(broker.url, run_id="run", prefix=prefix) as client:
                client.point("note")
                client.header(resolution="256px", frames=129)
                headers = []
                async with asyncio.timeout(LIMIT_S):
                    while not headers or "frames" not in headers[-1].attrs:
                        if (marker := await anext(feed)).stage == "header":
                            headers.append(marker)
                await asyncio.to_thread(client.close)
            attrs = [marker.attrs for marker in headers]
            assert attrs[-1] == {"host": client.host, "resolution": "256px", "frames": 129}
            assert all(a != b for a, b in itertools.pairwise(attrs))
            assert headers[-1].time_ns == headers[-1].received_ns

    asyncio.run(run())


def test_what_is_malformed_is_counted_and_the_rest_arrives(broker, prefix):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            wrong = json.dumps({**POINT, "stage": 5})
            sent = [b"", b"\xff", wrong, "[" * 50_000, json.dumps(POINT)]
            await asyncio.to_thread(publish, broker.url, f"{prefix}/h/r/marker", *sent[:3])
            await until(lambda: feed.n_malformed == 3)
            told = f"{prefix}/h/r/marker: marker field stage: expected str, got 5"
            assert feed.last_problem == told
            await asyncio.to_thread(publish, broker.url, f"{prefix}/h/r/marker", *sent[3:])
            (marker,) = await take(feed, 1)
        assert feed.n_malformed == 4
        assert marker.seq == 7

    asyncio.run(run())


def test_a_marker_delivered_twice_is_the_same_marker(broker, prefix):
    async def run():
        payload = json.dumps(POINT)
        async with MarkerFeed(broker.url, prefix=prefix, clock_ns=lambda: 99) as feed:
            await feed.wait_connected(LIMIT_S)
            topic = f"{prefix}/h/r/marker"
            await asyncio.to_thread(publish, broker.url, topic, payload, payload)
            assert await take(feed, 2) == [decode(payload.encode(), 99)] * 2

    asyncio.run(run())


def test_other_topics_are_not_heard(broker, prefix):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            for topic in (f"{prefix}/h/r/run", f"{prefix}/h/marker", f"{prefix}x/h/r/marker"):
                await asyncio.to_thread(publish, broker.url, topic, json.dumps(POINT))
            heard = json.dumps({**POINT, "seq": 8})
            await asyncio.to_thread(publish, broker.url, f"{prefix}/h/r/marker", heard)
            assert [m.seq for m in await take(feed, 1)] == [8]
        assert feed.n_malformed == 0

    asyncio.run(run())


def test_the_feed_lives_through_a_broker_that_goes_away_and_comes_back(prefix):
    async def run():
        async with EmbeddedBroker() as first:
            feed = MarkerFeed(first.url, prefix=prefix)
            async with feed:
                await feed.wait_connected(LIMIT_S)
                topic = f"{prefix}/h/r/marker"
                await asyncio.to_thread(publish, first.url, topic, json.dumps(POINT))
                await take(feed, 1)
                await first.__aexit__(None, None, None)
                await until(lambda: not feed.connected)
                assert feed.last_problem
                async with EmbeddedBroker(first.port) as second:
                    await until(lambda: feed.connected)
                    again = json.dumps({**POINT, "seq": 8})
                    await asyncio.to_thread(publish, second.url, topic, again)
                    assert [m.seq for m in await take(feed, 1)] == [8]

    asyncio.run(run())


def test_the_feed_ends_for_its_readers_when_it_is_left(broker, prefix):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            reader = asyncio.create_task(anext(feed, "ended"))
            await asyncio.sleep(0)
        assert await reader == "ended"
        assert [m async for m in feed] == []
        assert not feed.connected
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(run())


def test_a_broker_that_is_not_there_is_told_in_one_sentence():
    async def run():
        async with MarkerFeed("mqtt://127.0.0.1:1") as feed:
            await feed.wait_connected(0.2)

    said = r"the broker at mqtt://127.0.0.1:1: .*refused.*; .*--broker mqtt"
    with pytest.raises(BrokerError, match=said):
        asyncio.run(run())


def test_a_port_where_nobody_speaks_mqtt_is_told_and_nothing_stays_open():
    async def run():
        quiet = []
        server = await asyncio.start_server(lambda _, writer: quiet.append(writer), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with MarkerFeed(f"mqtt://127.0.0.1:{port}") as feed:
            await until(lambda: quiet)
            with pytest.raises(BrokerError, match=r"no answer within 0\.1 s"):
                await feed.wait_connected(0.1)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        quiet[0].close()
        server.close()

    asyncio.run(run())


@pytest.mark.parametrize("prefix", ["", "a/#", "+", "/a", "a/"])
def test_a_prefix_that_is_no_topic_is_refused(prefix):
    with pytest.raises(ConfigError, match="marker prefix"):
        MarkerFeed("mqtt://lab", prefix=prefix)


def test_a_wrong_address_is_refused():
    with pytest.raises(ConfigError, match="broker address"):
        MarkerFeed("lab:1883")


def test_a_listener_that_comes_late_is_told_all_of_it(broker, prefix):
    async def run():
        with MarkerClient(broker.url, prefix=prefix, run_id="run", resolution="768px") as client:
            span = client.begin("run")
            client.point("note", number=1)
            await until(lambda: client.n_sent == 2)
            async with MarkerFeed(broker.url, prefix=prefix) as feed:
                await feed.wait_connected(LIMIT_S)
                client.end(span)
                markers = await take(feed, 3)
                assert feed.n_lost == 0
        return sorted(markers, key=lambda m: m.seq)

    assert [m.edge.value for m in asyncio.run(run())] == ["begin", "point", "end"]


def test_what_a_broker_forgot_in_its_restart_is_sent_again(prefix):
    """Acknowledged by a broker that then went away, while nobody listened."""

    async def run():
        with EmbeddedBroker() as first:
            client = MarkerClient(first.url, prefix=prefix)
            client.point("note", number=0)
            await until(lambda: client.n_sent == 1)
        async with MarkerFeed(first.url, prefix=prefix) as feed:
            client.point("note", number=1)
            with EmbeddedBroker(first.port):
                markers = await take(feed, 2)
                await asyncio.to_thread(client.close)
            assert feed.n_lost == 0
        return sorted(m.attrs["number"] for m in markers)

    assert asyncio.run(run()) == [0, 1]


def test_a_program_that_ends_while_its_broker_restarts_is_heard_to_its_end(prefix):
    async def run():
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(EmbeddedBroker())
            async with MarkerFeed(first.url, prefix=prefix) as feed:
                client = MarkerClient(first.url, prefix=prefix)
                client.point("note", number=0)
                markers = await take(feed, 1)
                await asyncio.to_thread(stack.close)
                await until(lambda: not (feed.connected or client.connected))
                client.point("note", number=1)
                end = asyncio.create_task(asyncio.to_thread(client.close, 20.0))
                with EmbeddedBroker(first.port):
                    markers += await take(feed, 1)
                    await end
                assert (client.n_dropped, feed.n_lost) == (0, 0)
        return [m.attrs["number"] for m in markers]

    assert asyncio.run(run()) == [0, 1]


def test_a_broker_that_is_lost_and_back_is_told_once_each(prefix, caplog):
    async def run():
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(EmbeddedBroker())
            async with MarkerFeed(first.url, prefix=prefix) as feed:
                await feed.wait_connected(LIMIT_S)
                await asyncio.to_thread(stack.close)
                await until(lambda: not feed.connected)
                with EmbeddedBroker(first.port):
                    await until(lambda: feed.connected)
                    await until(lambda: "is back" in caplog.text)

    asyncio.run(run())
    told = [record.getMessage() for record in caplog.records if record.name.endswith("feed")]
    assert [text.split(" at ")[0] for text in told] == ["lost the broker", "the broker"]


def test_a_workload_that_ended_while_nobody_could_hear_it_is_missed(prefix, monkeypatch):
    monkeypatch.setattr(presence, "SILENT_S", 4.0)

    async def run():
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(EmbeddedBroker())
            async with MarkerFeed(first.url, prefix=prefix) as feed:
                going, staying = (
                    MarkerClient(first.url, prefix=prefix, run_id=name) for name in ("go", "stay")
                )
                going.begin("denoise")
                staying.begin("denoise")
                await until(lambda: len(feed._presence) == 2)
                await asyncio.to_thread(stack.close)
                await until(lambda: not (feed.connected or going.connected))
                await asyncio.to_thread(going.close, 0.0)
                with EmbeddedBroker(first.port):
                    while (marker := await anext(feed)).stage != "abort":
                        pass
                    staying.point("after")
                    while (last := await anext(feed)).stage != "after":
                        assert last.stage != "abort"
                    await asyncio.to_thread(staying.close)
        return marker

    abort = asyncio.run(asyncio.wait_for(run(), LIMIT_S))
    assert (abort.run_id, abort.attrs["reason"]) == ("go", "the workload is gone without a word")


KILLED = """
import os, signal, sys, time
from monitor.markers.client import MarkerClient
client = MarkerClient(sys.argv[1], prefix=sys.argv[2], run_id="run")
client.begin("run")
while not client.n_sent:
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not os.access(MOSQUITTO, os.X_OK), reason="mosquitto is not installed")
def test_a_workload_that_is_killed_is_told_of_by_the_broker(mosquitto, prefix):
    asyncio.run(killed(mosquitto, prefix))


def test_a_workload_that_is_killed_is_told_of_by_the_embedded_broker(broker, prefix):
    asyncio.run(killed(broker.url, prefix))


async def killed(url, prefix):
    async with MarkerFeed(url, prefix=prefix) as feed:
        await feed.wait_connected(LIMIT_S)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, url, prefix)
        begin, abort = await take(feed, 2)
        await process.wait()
    assert (begin.stage, abort.stage, abort.run_id) == ("run", "abort", "run")
    assert abort.sender == begin.sender
    assert abort.attrs == {"reason": "the workload is gone without a word"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("run", b"nonsense"),
        ("run", b'{"schema":1}'),
        ("run", b'{"schema":1,"run_id":"r","sender":"a/b"}'),
        ("status", b'{"schema":1,"run_id":"r","sender":"a","status":"sleepy"}'),
        ("status", b""),
    ],
)
def test_nonsense_beside_the_markers_is_counted_too(broker, prefix, kind, text):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            await asyncio.to_thread(publish, broker.url, f"{prefix}/lab/r/a/{kind}", text)
            await until(lambda: feed.n_malformed == 1)

    asyncio.run(run())


def test_a_sender_of_this_machine_has_our_clock(broker, prefix):
    async def run():
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            with MarkerClient(broker.url, prefix=prefix) as client:
                client.point("note")
                while (marker := await anext(feed)).stage != "clock":
                    pass
                return marker, client

    marker, client = asyncio.run(run())
    assert (marker.run_id, marker.sender) == (client.run_id, client.sender)
    assert len(set(marker.attrs.values())) == 1


SKEWED = """
import sys, time
from types import SimpleNamespace
from monitor.markers import client as module
real, begun_ns = time.time_ns, time.monotonic_ns()
drift = lambda: int((time.monotonic_ns() - begun_ns) * 50e-6)
module.time = SimpleNamespace(
    time_ns=lambda: real() + 3_000_000_000 + drift(), monotonic=time.monotonic,
    monotonic_ns=time.monotonic_ns, sleep=time.sleep,
)
module._clock = lambda: "another"
with module.MarkerClient(sys.argv[1], prefix=sys.argv[2]) as client:
    for _ in range(20):
        client.point("now", true_ns=real())
        time.sleep(0.1)
"""


def test_a_sender_with_another_clock_is_aligned_within_the_bound(broker, prefix):
    async def run():
        tree = StageTree()
        async with MarkerFeed(broker.url, prefix=prefix) as feed:
            await feed.wait_connected(LIMIT_S)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", SKEWED, broker.url, prefix
            )
            n = 0
            async for marker in feed:
                tree.add(marker)
                n += marker.stage == "now"
                if n == 20:
                    break
            assert await process.wait() == 0
        return tree

    tree = asyncio.run(run())
    marks = tree.marks()
    assert len(marks) == 20
    for mark in marks:
        assert abs(mark.time_ns - mark.attrs["true_ns"]) < 50_000_000
