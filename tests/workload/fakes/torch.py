"""What the fakes need of torch: numbers for tensors, and a GPU that is a story.

The GPU is there if FAKE_GPU names a file. It runs behind the host as a real one does: work is put
into a queue and takes its time there, and whoever wants a number from it waits. What it did when,
and how often it was waited for, is in the file at the end.
"""

import atexit
import json
import os
import time
from types import SimpleNamespace

_FILE = os.environ.get("FAKE_GPU", "")


class Gpu:
    def __init__(self):
        self.free_ns = 0  # when the queue is empty
        self.work = []
        self.n_waits = 0

    def do(self, name, seconds):
        begin_ns = max(self.free_ns, time.time_ns())
        self.free_ns = begin_ns + round(seconds * 1e9)
        self.work.append((name, begin_ns, self.free_ns))

    def wait(self, until_ns=None):
        left_s = ((self.free_ns if until_ns is None else until_ns) - time.time_ns()) / 1e9
        time.sleep(max(0.0, left_s))

    def read(self):
        self.n_waits += 1
        self.wait()


class Event:
    def __init__(self, enable_timing):
        self._at_ns = 0

    def record(self):
        self._at_ns = max(gpu.free_ns, time.time_ns())

    def query(self):
        return time.time_ns() >= self._at_ns

    def elapsed_time(self, later):
        return (later._at_ns - self._at_ns) / 1e6


class Tensor:
    """A number, or several in a row; to look at those of a GPU is to wait for it."""

    def __init__(self, values, device):
        self.values, self.device = list(values), device

    def with_each(self, function, other=0.0):
        others = other.values if isinstance(other, Tensor) else [other]
        n = max(len(self.values), len(others))
        ours, theirs = self.values * (n // len(self.values)), others * (n // len(others))
        return Tensor(map(function, ours, theirs), self.device)

    def __add__(self, other):
        return self.with_each(lambda a, b: a + b, other)

    def __sub__(self, other):
        return self.with_each(lambda a, b: a - b, other)

    def __rsub__(self, other):
        return self.with_each(lambda a, b: b - a, other)

    def __mul__(self, other):
        return self.with_each(lambda a, b: a * b, other)

    def __truediv__(self, other):
        return self.with_each(lambda a, b: a / b, other)

    def __floordiv__(self, other):
        return self.with_each(lambda a, b: a // b, other)

    __radd__, __rmul__ = __add__, __mul__
    __hash__ = object.__hash__

    def sqrt(self):
        return self.with_each(lambda a, _: a**0.5)

    def to(self, device, *_):
        if self.device == "cuda" != device:
            gpu.read()
        return Tensor(self.values, device)

    def cpu(self):
        return self.to("cpu")

    def tolist(self):
        return self.cpu().values

    def item(self):
        return self.tolist()[0]

    def __getitem__(self, where):
        return Tensor(self.values[where : where + 1], self.device)

    def __eq__(self, other):
        return self.item() == other

    def __repr__(self):
        return repr(self.tolist())


def tensor(values, device="cpu", dtype=None):
    return Tensor(map(float, values), device)


gpu = Gpu()
cuda = SimpleNamespace(
    is_available=lambda: bool(_FILE),
    is_initialized=lambda: bool(_FILE),
    is_current_stream_capturing=lambda: False,
    synchronize=gpu.wait,
    Event=Event,
    work=lambda name, seconds: gpu.do(name, seconds) if _FILE else None,
)


def _tell():
    with open(_FILE, "w") as file:
        json.dump({"work": gpu.work, "n_waits": gpu.n_waits}, file)


if _FILE:
    atexit.register(_tell)
