"""The client works in old environments, tells what happens, and never disturbs the workload."""

import asyncio
import contextlib
import gc
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.markers import client as module
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.client import MarkerClient
from monitor.markers.payload import decode
from monitor.model import Edge

NOBODY = "mqtt://127.0.0.1:1"


@pytest.fixture
def client(broker, prefix):
    with MarkerClient(broker.url, run_id="run", host="lab", prefix=prefix, rank=3) as made:
        yield made


class Sink:
    """Takes the place of the connection and decodes what would be sent."""

    n_dropped = 0
    room = 0
    queue = ()

    def __init__(self):
        self.markers = []
        self._encode = module._Encoder("run", 0, 1, "sender")

    def put(self, entry):
        self.markers.append(decode(self._encode(len(self.markers) + 1, entry), 1))

    def close(self, deadline_s):
        pass


def program(text, *arguments, **more):
    command = [sys.executable, "-W", "ignore", "-c", text, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, **more)


def test_a_stage_is_a_begin_and_an_end(client, listener):
    span = client.begin("denoise", index=2, total=50, time_ns=1_000, timing="sync", prompt="a cat")
    client.end(span, time_ns=2_000)
    begin, end = listener.markers(2)
    assert begin.items() >= {
        "schema": 1, "run_id": "run", "seq": 1, "span_id": span, "parent_id": "", "event": "begin",
        "stage": "denoise", "index": 2, "total": 50, "ts_ns": 1_000, "timing": "sync", "rank": 3,
        "world_size": 1, "attrs": {"prompt": "a cat"},
    }.items()  # fmt: skip
    assert end.items() >= {
        "seq": 2, "span_id": span, "event": "end", "stage": "denoise", "ts_ns": 2_000,
        "timing": "sync", "attrs": {"status": "ok"},
    }.items()  # fmt: skip
    assert end["emitted_ns"] >= begin["emitted_ns"] > 1_000
    assert end["mono_ns"] >= begin["mono_ns"] > 0


def test_the_topic_names_prefix_host_and_run(client, listener, prefix):
    client.point("note", text="door opened")
    (note,) = listener.markers(1)
    assert listener.messages[0][0] == f"{prefix}/lab/run/marker"
    assert note["event"] == "point"
    assert note["attrs"] == {"text": "door opened"}
    assert note["ts_ns"] == note["emitted_ns"]


def test_what_has_a_meaning_in_topics_is_replaced():
    with MarkerClient("none", run_id="a/b+c#", host="x y", prefix="w/") as client:
        assert client.topic == "w/x_y/a_b_c_/marker"


def test_stages_nest_as_the_code_does(client, listener):
    with client.stage("run", model="2.0") as run, client.stage("denoise", total=2) as denoise:
        step = client.begin("denoise_step", index=0)
        alone = client.begin("other", parent_id="")
        client.point("note")
        client.end(step)
        client.end(alone)
    parents = {m["span_id"]: m["parent_id"] for m in listener.markers(9) if m["event"] == "begin"}
    assert parents == {run: "", denoise: run, step: denoise, alone: ""}
    note = listener.markers(5)[4]
    assert (note["stage"], note["parent_id"]) == ("note", denoise)


def test_a_stage_left_by_an_exception_ends_with_an_error_and_the_outermost_with_an_abort(
    client, listener
):
    with pytest.raises(KeyError), client.stage("run"), client.stage("denoise"):
        raise KeyError("out of memory")
    said = [(m["stage"], m["event"], m["attrs"]) for m in listener.markers(5)]
    assert said == [
        ("run", "begin", {}),
        ("denoise", "begin", {}),
        ("denoise", "end", {"status": "error"}),
        ("abort", "point", {"reason": "KeyError: 'out of memory'"}),
        ("run", "end", {"status": "error"}),
    ]


def test_a_program_that_leaves_on_purpose_aborts_nothing(client, listener):
    with pytest.raises(SystemExit), client.stage("run"):
        sys.exit(0)
    assert [m["attrs"] for m in listener.markers(2)] == [{}, {"status": "ok"}]


def test_edges_wait_for_what_the_workload_names(client, listener):
    waited = []
    with client.stage("denoise", sync=lambda: waited.append(len(waited))):
        pass
    with client.stage("save", sync="torch"):  # of which there is none here
        pass
    assert waited == [0, 1]
    assert [m["timing"] for m in listener.markers(4)] == ["sync", "sync", "host", "host"]


@pytest.fixture
def told():
    """A client of which a sink keeps the markers."""
    client = MarkerClient("none")
    client._link = sink = Sink()
    yield client, sink.markers
    client.close()


def edges(markers):
    return [(m.stage, m.edge.value) for m in markers]


def test_a_decorated_function_is_a_stage_at_each_call(told):
    client, markers = told

    @client.stage("function")
    def function(number):
        client.point("inside")
        return number

    assert function.__name__ == "function"
    assert [function(1), function(2)] == [1, 2]
    assert edges(markers) == 2 * [("function", "begin"), ("inside", "point"), ("function", "end")]
    assert markers[1].parent_id == markers[0].span_id


def test_a_decorated_coroutine_function_is_a_stage_at_each_run(told):
    client, markers = told

    @client.stage("coroutine")
    async def coroutine():
        await asyncio.sleep(0)
        client.point("inside")
        return 5

    coroutine().close()  # never awaited
    assert asyncio.run(coroutine()) == 5
    assert edges(markers) == [
        ("coroutine", "begin"), ("inside", "point"), ("coroutine", "end")
    ]  # fmt: skip


def test_a_decorated_generator_is_a_stage_from_its_first_item_to_its_end(told):
    client, markers = told

    @client.stage("frames")
    def frames():
        received = yield 1
        yield received
        return 5

    def outer():
        client.point(f"returned {(yield from frames())}")

    iterator = outer()
    assert markers == []
    assert next(iterator) == 1
    client.point("between")
    assert iterator.send("sent") == "sent"
    assert list(iterator) == []
    assert edges(markers) == [
        ("frames", "begin"), ("between", "point"), ("frames", "end"), ("returned 5", "point")
    ]  # fmt: skip


def test_a_decorated_asynchronous_generator_is_a_stage_from_its_first_item_to_its_end(told):
    client, markers = told

    @client.stage("frames")
    async def frames():
        try:
            received = yield 1
        except KeyError:
            received = "caught"
        await asyncio.sleep(0)
        yield received
        client.point("last")

    async def run():
        iterator = frames()
        assert markers == []
        assert await iterator.__anext__() == 1
        client.point("between")
        assert await iterator.asend("sent") == "sent"
        assert [item async for item in iterator] == []
        iterator = frames()
        await iterator.__anext__()
        assert await iterator.athrow(KeyError()) == "caught"
        await iterator.aclose()

    asyncio.run(run())
    assert edges(markers) == [
        ("frames", "begin"), ("between", "point"), ("last", "point"), ("frames", "end"),
        ("frames", "begin"), ("frames", "end"),
    ]  # fmt: skip
    assert [m.attrs["status"] for m in markers if m.edge is Edge.END] == ["ok", "ok"]


def test_an_asynchronous_generator_that_is_left_is_closed_in_its_stage(told):
    client, markers = told

    @client.stage("frames")
    async def frames():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            client.point("closed")

    async def run():
        async with contextlib.aclosing(frames()) as iterator:
            async for _ in iterator:
                break

    asyncio.run(run())
    assert edges(markers) == [("frames", "begin"), ("closed", "point"), ("frames", "end")]


def test_an_error_in_an_asynchronous_generator_is_its_stages(told):
    client, markers = told

    @client.stage("frames")
    async def frames():
        yield 1
        raise KeyError("frame")

    async def run():
        async for _ in frames():
            pass

    with pytest.raises(KeyError):
        asyncio.run(run())
    assert markers[-1].attrs == {"status": "error"}
    assert markers[1].attrs == {"reason": "KeyError: 'frame'"}


def test_a_stage_can_be_entered_by_async_with(told):
    client, markers = told

    async def run():
        async with client.stage("outer") as span:
            await asyncio.sleep(0)
            async with client.stage("inner"):
                pass
        return span

    span = asyncio.run(run())
    assert [(m.stage, m.parent_id) for m in markers[:2]] == [("outer", ""), ("inner", span)]
    assert len(markers) == 4


BY_NAME = """
import os, sys
sys.path.insert(0, {folder!r})
from client import begin, end, header, mark, stage

@stage("decorated")
def decorated():
    mark("note", text="halfway")

header(model="tiny")
with stage("run", steps=50):
    decorated()
    child = os.fork()
    if not child:
        end(begin("forked", index=1))
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_program_needs_no_client_of_its_own(broker, listener, prefix):
    env = {**os.environ, "WATTSTAGE_BROKER": broker.url, "WATTSTAGE_PREFIX": prefix, "RANK": "3"}
    program(BY_NAME.format(folder=str(Path(module.__file__).parent)), env=env)
    markers = listener.markers(7)
    (parent,) = {m["sender"] for m in markers if m["stage"] == "run"}
    of_parent = [m for m in markers if m["sender"] == parent]
    assert [(m["stage"], m["event"]) for m in of_parent] == [
        ("run", "begin"), ("decorated", "begin"), ("note", "point"), ("decorated", "end"),
        ("run", "end"),
    ]  # fmt: skip
    assert (of_parent[0]["attrs"], of_parent[0]["rank"]) == ({"steps": 50}, 3)
    of_child = [m for m in markers if m not in of_parent]
    assert [(m["stage"], m["event"]) for m in of_child] == [("forked", "begin"), ("forked", "end")]
    assert of_child[0]["parent_id"] == of_parent[0]["span_id"]


def test_threads_that_mark_first_share_one_client(monkeypatch):
    made = []
    monkeypatch.setattr(module, "_default", made)
    monkeypatch.setenv("WATTSTAGE_BROKER", "none")
    together = threading.Barrier(8)

    def mark():
        together.wait()
        module.mark("note")

    threads = [threading.Thread(target=mark) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = {module.begin("run").split(".")[0] for _ in range(3)}
    assert spans == {made[0].sender}
    for client in made:
        client.close()


def test_one_stage_may_be_entered_by_many_at_a_time(told):
    client, markers = told
    clip = client.stage("clip")

    async def enter(order, k):
        with clip as span:
            order[k].set()
            await order[k + 1].wait()
        return span

    async def run():
        order = [asyncio.Event() for _ in range(4)]
        tasks = [asyncio.create_task(enter(order, k)) for k in range(3)]
        await order[2].wait()
        order[3].set()
        return await asyncio.gather(*tasks)

    with clip as outer, clip as inner:
        spans = asyncio.run(run())
    begun = [m for m in markers if m.edge is Edge.BEGIN]
    assert [m.parent_id for m in begun] == ["", outer, inner, inner, inner]
    ended = [m.span_id for m in markers if m.edge is Edge.END]
    assert ended == [*spans, inner, outer]


def test_tasks_nest_in_the_stage_that_started_them_and_not_in_each_other(told):
    client, markers = told

    async def clip(index, begun):
        with client.stage("clip", index=index):
            begun.set()
            await asyncio.sleep(0)
            with client.stage("denoise", index=index):
                await asyncio.sleep(0)

    async def run():
        with client.stage("run"):
            async with asyncio.TaskGroup() as group:
                for index in range(3):
                    group.create_task(clip(index, asyncio.Event()))

    asyncio.run(run())
    begins = {m.span_id: m for m in markers if m.edge is Edge.BEGIN}
    for marker in begins.values():
        parent = begins.get(marker.parent_id)
        if marker.stage == "denoise":
            assert (parent.stage, parent.index) == ("clip", marker.index)
        elif marker.stage == "clip":
            assert parent.stage == "run"


def test_generators_left_in_another_order_leave_no_stage_behind(told):
    client, markers = told

    @client.stage("generator")
    def generator():
        yield 1

    first, second = generator(), generator()
    next(first), next(second)
    first.close()
    second.close()
    client.point("after")
    assert markers[-1].parent_id == ""
    assert [m.attrs["status"] for m in markers if m.edge is Edge.END] == ["ok", "ok"]


def test_a_stage_leaves_nothing_for_the_garbage_collector(told):
    client, markers = told
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            with client.stage("outer", index=1), client.stage("inner"):
                pass
        markers.clear()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_end_with_more_attributes_than_there_may_be_still_has_its_status(told):
    client, markers = told
    client.end(client.begin("denoise"), status="error", **{f"a{i}": i for i in range(70)})
    assert len(markers[1].attrs) == 64
    assert markers[1].attrs["status"] == "error"


def test_an_end_that_nobody_began_is_nothing(told):
    client, markers = told
    span = client.begin("denoise")
    for _ in range(2):
        client.end(span)
    client.end("another")
    assert len(markers) == 2


class Hostile:
    def __str__(self):
        raise RuntimeError("no")


values = st.one_of(
    st.text(), st.text(min_size=900, max_size=1100), st.binary(), st.lists(st.integers()),
    st.integers(), st.integers(2**62, 2**70), st.floats(), st.complex_numbers(), st.booleans(),
    st.none(),
)  # fmt: skip


@given(
    stage=st.one_of(st.text(st.characters(), max_size=250), values),
    attrs=st.dictionaries(st.text(st.characters()), values, max_size=80),
    index=values,
    timing=values,
)
def test_whatever_the_workload_says_is_a_valid_marker(stage, attrs, index, timing):
    sink = Sink()
    client = MarkerClient("none")
    client._link = sink
    client._put("begin", "", (stage, "", index, index, timing), attrs)
    client.close()
    assert len(sink.markers) == 1
    assert client.n_dropped == 0


def test_what_cannot_even_be_text_is_dropped_and_counted():
    client = MarkerClient("none")
    client.point("note", what=Hostile())
    client.end(client.begin(Hostile()))
    client.close()
    assert client.n_dropped == 3


def test_a_header_that_cannot_be_text_is_no_exception():
    with MarkerClient("none", what=Hostile()) as client:
        client.header(what=Hostile())
    assert client.n_dropped == 2


def test_a_span_id_that_is_none_of_ours_ends_nothing():
    with MarkerClient("none") as client:
        for what in (Hostile(), [], None):
            client.end(what)
    assert client.n_dropped == 0


def test_what_changes_after_the_call_is_told_as_it_was(client, listener):
    shape = [480, 832]
    client.point("note", shape=shape)
    shape.append(49)
    assert listener.markers(1)[0]["attrs"] == {"shape": "[480, 832]"}


def test_markers_without_room_in_the_queue_leave_a_gap_in_the_numbers(
    broker, listener, prefix, monkeypatch, eventually
):
    monkeypatch.setattr(module, "_QUEUE", 5)
    with MarkerClient(broker.url, prefix=prefix) as client:
        with client._link._busy:  # so that nobody takes any
            for _ in range(12):
                client.point("note")
        eventually(lambda: client.n_sent == 5)
        client.point("after")
    assert client.n_dropped == 7
    assert [m["seq"] for m in listener.markers(6)] == [1, 2, 3, 4, 5, 13]


def test_a_queue_that_is_half_full_is_emptied_at_once(monkeypatch, eventually):
    monkeypatch.setattr(module, "_QUEUE", 1000)
    monkeypatch.setattr(module, "_BURST", 10)
    monkeypatch.setattr(module, "_GATHER_S", (60.0, 60.0))  # of which nobody wants to wait for one
    client = MarkerClient(NOBODY)
    client.point("note")
    eventually(lambda: client.problem)
    with client._link._busy:  # so that nobody takes any
        for _ in range(700):
            client.point("note")
    eventually(lambda: not client._link.queue)
    assert client.n_dropped == 0
    client.close(0.0)
    assert client.n_dropped == 701


def test_without_paho_mqtt_nothing_is_kept_for_nobody(monkeypatch, eventually):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    client = MarkerClient(NOBODY)
    client.point("note")
    eventually(lambda: client.problem)
    for _ in range(10):
        client.point("note")
    assert client.n_dropped >= 10
    client.close()
    assert client.n_dropped == 11


def test_an_enormous_marker_loses_its_attributes_and_not_its_edge(told):
    client, markers = told
    client.point("note", **{f"a{i}": "\u20ac" * 1000 for i in range(64)})
    assert markers[0].attrs == {"attrs_dropped": 64}


def test_without_a_broker_the_workload_goes_on():
    client = MarkerClient(NOBODY)
    with client.stage("run"):
        client.point("note")
    client.close()
    assert (client.n_sent, client.n_dropped) == (0, 3)
    assert "refused" in client.problem
    client.point("too late")
    assert client.n_dropped == 4


@pytest.mark.parametrize("url", ["nonsense", "http://host", "mqtt://", "mqtt://a:b", "mqtt://[::1"])
def test_a_wrong_address_is_a_problem_and_no_exception(url):
    with MarkerClient(url) as client:
        client.point("note")
    assert client.n_dropped == 1
    assert client.problem


def test_none_is_an_address_where_nobody_listens_and_no_thread_runs(monkeypatch):
    monkeypatch.setenv("WATTSTAGE_BROKER", "none")
    before = threading.active_count()
    with MarkerClient() as client:
        client.point("note")
        assert threading.active_count() == before
    assert client.problem == ""


def test_the_environment_says_where_and_who(monkeypatch, broker, listener, prefix):
    monkeypatch.setenv("WATTSTAGE_BROKER", broker.url)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "8")
    with MarkerClient(prefix=prefix) as client:
        client.point("note")
    (note,) = listener.markers(1)
    assert (note["rank"], note["world_size"], client.n_sent) == (2, 8, 1)


def test_a_full_spool_drops_the_newest_and_counts_them(monkeypatch, eventually):
    monkeypatch.setattr(module, "_SEGMENT", 10_000)
    monkeypatch.setattr(module, "_SPOOL", 30_000)
    client = MarkerClient(NOBODY)
    for _ in range(200):
        client.point("note")
    eventually(lambda: not client._link.queue)
    assert 60 < client.n_dropped < 140  # some 300 bytes each
    client.close()
    assert client.n_dropped == 200


def test_what_the_broker_has_makes_room_in_the_spool(broker, monkeypatch, eventually):
    monkeypatch.setattr(module, "_SEGMENT", 3_000)
    monkeypatch.setattr(module, "_SPOOL", 9_000)
    with MarkerClient(broker.url, prefix="room") as client:
        for k in range(1, 101):
            client.point("note")
            if not k % 10:
                eventually(lambda k=k: client.n_sent == k)
        assert client.n_dropped == 0


@pytest.mark.parametrize("folder", [None, "nowhere"], ids=["disk", "no disk"])
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=60),
    holes=st.sets(st.integers(1, 60)),
    start=st.integers(0, 61),
)
def test_the_spool_gives_back_what_was_put_in_by_number(folder, sizes, holes, start):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SEGMENT", 1000)
        patch.setattr(tempfile, "tempdir", folder)
        check_spool(sizes, holes, start)


def check_spool(sizes, holes, start):
    spool = module._Spool()
    kept = {
        number: bytes([number % 256]) * size
        for number, size in enumerate(sizes, start=1)
        if number not in holes
    }
    for number, payload in kept.items():
        assert spool.add(number, payload)
    found, number = {}, start
    while (following := spool.after(number)) is not None:
        number = following[0]
        found[number] = following[1]
    assert found == {n: p for n, p in kept.items() if n > start}
    spool.acked = start
    assert spool.n_waiting == len(found)
    spool.close()


def test_markers_of_many_threads_come_complete_and_in_order(client, listener):
    def mark():
        for _ in range(50):
            client.point("note")

    threads = [threading.Thread(target=mark) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [m["seq"] for m in listener.markers(200)] == list(range(1, 201))


def without_its_broker(prefix, eventually):
    """Return a client with a marker that waits, as its broker went away, and the port of that."""
    with EmbeddedBroker() as broker:
        client = MarkerClient(broker.url, prefix=prefix)
        client.point("before")
        eventually(lambda: client.n_sent == 1)
    eventually(lambda: not client.connected)
    client.point("between")
    return client, broker.port


def test_markers_wait_for_a_broker_that_is_away(prefix, eventually):
    client, port = without_its_broker(prefix, eventually)
    with EmbeddedBroker(port):
        client.point("after")
        eventually(lambda: client.n_sent == 3)
        client.close()
    assert client.n_dropped == 0


def test_an_end_waits_for_a_broker_that_is_being_restarted(prefix, eventually):
    client, port = without_its_broker(prefix, eventually)
    end = threading.Thread(target=client.close, args=(20.0,))
    end.start()
    time.sleep(1.5)  # in which it has tried, and found nobody
    with EmbeddedBroker(port):
        end.join()
    assert (client.n_sent, client.n_dropped) == (2, 0)


FORK = """
import os, sys
from monitor.markers.client import MarkerClient
client = MarkerClient(sys.argv[1], prefix=sys.argv[2])
client.point("parent")
with client.stage("stage"):
    child = os.fork()
    if not child:
        client.point("child")
        client.close(20.0)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_is_a_sender_of_its_own_in_the_stage_that_was_open(broker, listener, prefix):
    said = program(FORK, broker.url, prefix)
    assert said.stderr == ""
    markers = {(m["stage"], m["event"]): m for m in listener.markers(4)}
    child, parent, stage = (
        markers[key] for key in (("child", "point"), ("parent", "point"), ("stage", "begin"))
    )
    assert child["sender"] != parent["sender"] == stage["sender"]
    assert child["parent_id"] == stage["span_id"]
    assert (child["seq"], parent["seq"], stage["seq"]) == (1, 1, 2)


def test_a_fork_does_not_wait_for_a_host_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(module, "_ANSWER_S", 1.0)
    monkeypatch.setattr(module, "_FORK_S", 0.5)
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # until there is no room for more, and Linux says nothing to them
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        client = MarkerClient(f"mqtt://127.0.0.1:{deaf.getsockname()[1]}")
        client.point("note")
        for _ in range(3):
            time.sleep(0.2)
            client._get_ready_to_fork()
            assert client._link._is_held
            client._go_on_in_parent()
        client.close(5.0)
    assert client.n_dropped == 1


UNFINISHED = """
import sys
from monitor.markers.client import MarkerClient
client = MarkerClient(sys.argv[1], prefix=sys.argv[2])
client.begin("run")
{end}
"""


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("raise MemoryError('of the GPU')", "MemoryError: of the GPU"),
        ("sys.exit()", "the program ended inside a stage"),
    ],
)
def test_a_program_that_ends_inside_a_stage_says_why(broker, listener, prefix, end, reason):
    command = [sys.executable, "-c", UNFINISHED.format(end=end), broker.url, prefix]
    subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert listener.markers(2)[1]["attrs"] == {"reason": reason}


TERMINATED = """
import os, signal, sys
from monitor.markers.client import MarkerClient
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
client = MarkerClient(sys.argv[1], prefix=sys.argv[2])
with client.stage("run"):
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_program_that_handles_sigterm_ends_its_stages(broker, listener, prefix):
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED, broker.url, prefix], check=False, timeout=60
    )
    assert done.returncode == 143
    assert [(m["stage"], m["event"], m["attrs"]) for m in listener.markers(3)] == [
        ("run", "begin", {}),
        ("abort", "point", {"reason": "SystemExit: 143"}),
        ("run", "end", {"status": "error"}),
    ]


MANY_FILES = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
from monitor.markers.client import MarkerClient
with MarkerClient(sys.argv[1]) as client:
    client.point("note")
print(client.n_sent, client.problem)
"""


def test_it_works_in_a_process_with_many_open_files(broker):
    resource = pytest.importorskip("resource")
    if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048:
        pytest.skip("this system allows fewer than 2048 open files")
    assert program(MANY_FILES, broker.url).stdout == "1 \n"


def test_nothing_is_left_when_it_is_closed(broker):
    before = threading.active_count()
    with MarkerClient(broker.url) as client:
        client.point("note")
    del client
    gc.collect()
    assert threading.active_count() == before


def test_why_markers_are_lost_at_the_end_is_told(monkeypatch):
    words = []
    monkeypatch.setattr(module, "leave_word", lambda **said: words.append(said))
    monkeypatch.setenv("WATTSTAGE_RUN_ID", "mine")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = MarkerClient(f"mqtt://127.0.0.1:{silent.getsockname()[1]}")
        client.point("a")
        client.close(0.1)
        client._link._thread.join(10.0)
    (said,) = words
    assert (said["n_lost"], said["why"]) == (
        1, "the program had ended before the broker took them"
    )  # fmt: skip
    assert client.problem == ""  # it was not the broker who hung up


def test_threads_may_enter_one_stage_at_once():
    client = MarkerClient("none")
    stage, meet = client.stage("shared"), threading.Barrier(4)

    def work():
        for _ in range(50):
            meet.wait(10.0)
            with stage:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not client._open  # each has ended
    client.close()
