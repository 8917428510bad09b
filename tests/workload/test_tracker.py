"""The spans of a process: nested as they are opened, sent when their times are known."""

import os
from types import SimpleNamespace

import pytest

from monitor.workload.tracker import Tracker


class Client:
    """Keeps what it is to send."""

    def __init__(self):
        self.sent = []

    def begin(self, stage, parent_id, *, index, total, time_ns, timing, **attrs):
        self.sent.append(("begin", stage, parent_id, index, time_ns, timing, attrs))
        return f"id of {stage} {index}"

    def end(self, span_id, time_ns, status, **attrs):
        self.sent.append(("end", span_id, time_ns, status, attrs))

    def close(self):
        pass


class Late:
    """Takes times, and tells them only when it is asked to: 10 ns apart."""

    def __init__(self):
        self.waiting, self.now_ns = [], 0

    def edge(self, told):
        self.now_ns += 10
        self.waiting.append((told, self.now_ns))

    def tell(self, uncertainty_s=0.0):
        for told, time_ns in self.waiting:
            told(time_ns, "event", uncertainty_s)
        self.waiting.clear()

    def close(self):
        self.tell()


@pytest.fixture
def late():
    client, timing = Client(), Late()
    tracker = Tracker(lambda: client, timing, "of the run")
    return SimpleNamespace(tracker=tracker, client=client, timing=timing)


def test_what_is_known_late_is_sent_as_it_was_then(late):
    outer = late.tracker.open("outer", index=3, size=1)
    inner = late.tracker.open("inner")
    late.tracker.close(outer, "error", size=2)
    assert not inner.is_open
    late.timing.tell(0.25)
    assert late.client.sent == [
        ("begin", "outer", "of the run", 3, 10, "event", {"size": 1, "uncertainty_s": 0.25}),
        ("begin", "inner", "id of outer 3", None, 20, "event", {"uncertainty_s": 0.25}),
        ("end", "id of inner None", 30, "error", {"uncertainty_s": 0.25}),
        ("end", "id of outer 3", 40, "error", {"size": 2, "uncertainty_s": 0.25}),
    ]


def test_a_stage_that_follows_another_begins_at_the_very_edge_at_which_that_ends(late):
    outer = late.tracker.open("outer")
    first = late.tracker.open("step", index=0)
    late.tracker.open("in the step")
    late.tracker.follow(first, "step", index=1)
    late.timing.tell()
    assert late.timing.now_ns == 40
    assert [entry[:3] for entry in late.client.sent[3:5]] == [
        ("end", "id of in the step None", 40), ("end", "id of step 0", 40)
    ]  # fmt: skip
    assert late.client.sent[5][:5] == ("begin", "step", "id of outer None", 1, 40)
    assert late.tracker.current is not outer


def test_a_stage_ends_with_the_newest_in_it_and_is_as_uncertain(late):
    outer = late.tracker.open("outer")
    with late.tracker.stage("inner"):
        pass
    late.timing.tell(0.5)
    late.tracker.close_where_it_ended(outer, "ok", size=2)
    late.timing.tell(0.125)
    assert late.client.sent[-1] == (
        "end", "id of outer None", 30, "ok", {"size": 2, "uncertainty_s": 0.5}
    )  # fmt: skip


def test_a_forked_child_marks_nothing_and_ends_nothing(late):
    late.tracker.open("outer")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with late.tracker.stage("inner"):
            pass
        late.tracker.finish()
        os.write(write, repr((len(late.timing.waiting), late.client.sent)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 1000) == b"(1, [])"
    late.tracker.finish()
    assert [entry[0] for entry in late.client.sent] == ["begin", "end"]
