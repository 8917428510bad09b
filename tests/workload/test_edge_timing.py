"""When an edge was, on a GPU that is a story: what it has passed, and when by its own clock."""

import sys
import threading
from types import SimpleNamespace

import pytest

from monitor.workload import timing


class Gpu:
    """Passes events when it is told to; its clock runs ``drift`` faster than the host's."""

    def __init__(self, host, drift=0.0):
        self._host, self._drift = host, drift
        self.synchronized = 0
        self.waiting = []

    def is_initialized(self):
        return True

    def is_current_stream_capturing(self):
        return False

    def synchronize(self):
        self.synchronized += 1

    def Event(self, enable_timing):  # noqa: N802  # as torch calls it
        assert enable_timing
        return Event(self)

    def pass_all(self):
        """Let the GPU reach the end of its queue now."""
        for event in self.waiting:
            event.at_ms = self._host.now_ns / 1e6 * (1 + self._drift)
        self.waiting.clear()


class Event:
    def __init__(self, gpu):
        self._gpu = gpu
        self.at_ms = None

    def record(self):
        self._gpu.waiting.append(self)

    def query(self):
        return self.at_ms is not None

    def elapsed_time(self, later):
        return later.at_ms - self.at_ms


@pytest.fixture
def host(monkeypatch):
    host = SimpleNamespace(now_ns=10**18, sleeps=threading.Semaphore(0))
    monkeypatch.setattr(
        timing, "time", SimpleNamespace(time_ns=lambda: host.now_ns, sleep=lambda _: None)
    )
    return host


def use(monkeypatch, gpu):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=gpu))


def test_without_a_gpu_every_mode_takes_the_hosts_time(host, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for mode in timing.MODES:
        told = []
        taker = timing.make_timing(mode)
        taker.edge(lambda *edge, told=told: told.append(edge))
        taker.close()
        assert told == [(10**18, "host")]


def test_sync_waits_for_the_gpu_first(host, monkeypatch):
    gpu = Gpu(host)
    use(monkeypatch, gpu)
    told = []
    timing.Sync().edge(lambda *edge: told.append(edge))
    assert gpu.synchronized == 1
    assert told == [(10**18, "sync")]


def test_an_event_is_told_when_the_gpu_passed_it_not_when_it_was_queued(host, monkeypatch):
    gpu = Gpu(host)
    use(monkeypatch, gpu)
    told = []
    taker = timing.Event()
    taker.edge(lambda *edge: told.append(edge))
    gpu.pass_all()  # at once: the GPU was idle
    wait_for(told, 1)
    taker.edge(lambda *edge: told.append(edge))
    host.now_ns += 33 * 10**9  # a step of 33 s, in which nobody hears of it
    gpu.pass_all()
    taker.close()
    assert [time_ns - 10**18 for time_ns, _ in told] == [0, 33 * 10**9]
    assert {how for _, how in told} == {"event"}


def test_edges_are_told_in_order_and_all_by_the_end(host, monkeypatch):
    gpu = Gpu(host)
    use(monkeypatch, gpu)
    told = []
    taker = timing.Event()
    for k in range(100):
        taker.edge(lambda time_ns, how, k=k: told.append((k, time_ns)))
        host.now_ns += 1_000
        gpu.pass_all()
    taker.close()
    assert [k for k, _ in told] == list(range(100))
    assert sorted(t for _, t in told) == [t for _, t in told]


def test_a_gpu_whose_clock_drifts_does_not_take_its_edges_along(host, monkeypatch):
    gpu = Gpu(host, drift=100e-6)
    use(monkeypatch, gpu)
    told, true = [], []
    taker = timing.Event()
    for _ in range(50):
        taker.edge(lambda time_ns, how: told.append(time_ns))
        gpu.pass_all()
        wait_for(told, len(true) + 1)
        true.append(host.now_ns)
        host.now_ns += 60 * 10**9  # 50 minutes in all; unchecked it would be 300 ms off
    taker.close()
    assert max(abs(a - b) for a, b in zip(told, true, strict=True)) <= 6_000_000


def wait_for(told, n):
    for _ in range(10_000_000):
        if len(told) >= n:
            return
    pytest.fail("not told")
