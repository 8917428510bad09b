"""When an edge was, on a GPU that is a story: what it has passed, and when by its own clock."""

import itertools
import sys
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        assert told == [(10**18, "host", 0.0)]


def test_sync_waits_for_the_gpu_first(host, monkeypatch):
    gpu = Gpu(host)
    use(monkeypatch, gpu)
    told = []
    timing.Sync().edge(lambda *edge: told.append(edge))
    assert gpu.synchronized == 1
    assert told == [(10**18, "sync", 0.0)]


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
    assert [time_ns - 10**18 for time_ns, *_ in told] == [0, 33 * 10**9]
    assert {how for _, how, _ in told} == {"event"}


def test_edges_are_told_in_order_and_all_by_the_end(host, monkeypatch):
    gpu = Gpu(host)
    use(monkeypatch, gpu)
    told = []
    taker = timing.Event()
    for k in range(100):
        taker.edge(lambda time_ns, *_, k=k: told.append((k, time_ns)))
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
        taker.edge(lambda time_ns, *_: told.append(time_ns))
        gpu.pass_all()
        wait_for(told, len(true) + 1)
        true.append(host.now_ns)
        host.now_ns += 60 * 10**9  # 50 minutes in all; unchecked it would be 300 ms off
    taker.close()
    assert max(abs(a - b) for a, b in zip(told, true, strict=True)) <= 6_000_000


class Watched:
    """A GPU with a queue that it works through at times of its own; it is looked at now and then.

    ``looks_s`` are the times between two looks, ``drift`` what its clock is ahead.
    """

    def __init__(self, true_ns, looks_s, drift=0.0):
        self.now_ns, self._looks_s = 10**18, itertools.cycle(looks_s)
        self._true_ns, self.drift = iter(true_ns), drift
        self.is_queued = threading.Event()
        self.is_initialized, self.is_current_stream_capturing = lambda: True, lambda: False
        self.Event = lambda enable_timing: WatchedEvent(self, next(self._true_ns))

    def time_ns(self):
        return self.now_ns

    def sleep(self, _):
        self.now_ns += round(next(self._looks_s) * 1e9)


class WatchedEvent:
    def __init__(self, gpu, at_ns):
        self._gpu, self.at_ns = gpu, at_ns

    def record(self):
        pass

    def query(self):
        self._gpu.is_queued.wait()
        return self._gpu.now_ns >= self.at_ns

    def elapsed_time(self, later):
        return (later.at_ns - self.at_ns) * (1 + self._gpu.drift) / 1e6


def edges_of(gpu, n):
    """Return what is told of edges that are all queued at once: the host is ahead of the GPU."""
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "time", gpu)
        use(patch, gpu)
        taker = timing.Event()
        for _ in range(n):
            taker.edge(lambda *edge: told.append(edge))
        gpu.is_queued.set()
        taker.close()
    return told


@given(
    steps_s=st.lists(st.floats(1e-4, 40.0), min_size=2, max_size=40),
    looks_s=st.lists(st.floats(1e-3, 0.05), min_size=1, max_size=20),
    drift=st.floats(-99e-6, 99e-6),
)
def test_an_edge_is_within_the_bound_that_it_is_told_with(steps_s, looks_s, drift):
    true_ns = [10**18 + round(1e9 * sum(steps_s[: k + 1])) for k in range(len(steps_s))]
    told = edges_of(Watched(true_ns, looks_s, drift), len(true_ns))
    assert [how for _, how, _ in told] == ["event"] * len(true_ns)
    for (time_ns, _, uncertainty_s), at_ns in zip(told, true_ns, strict=True):
        assert abs(time_ns - at_ns) <= round(uncertainty_s * 1e9)
        assert uncertainty_s <= max(looks_s) + 1e-6
    assert [time_ns for time_ns, *_ in told] == sorted(time_ns for time_ns, *_ in told)


def test_many_looks_at_the_gpu_narrow_down_what_one_leaves_open():
    true_ns = [10**18 + k * 37_100_000 for k in range(1, 40)]
    told = edges_of(Watched(true_ns, [0.005]), len(true_ns))
    assert told[0][2] == 0.0025
    assert told[-1][2] < 0.0006
    steps_ns = [b[0] - a[0] for a, b in itertools.pairwise(told)][-20:]
    assert steps_ns == pytest.approx([37_100_000] * 20, abs=200_000)


def wait_for(told, n):
    for _ in range(10_000_000):
        if len(told) >= n:
            return
    pytest.fail("not told")
