"""Loads this computer and releases it again, with a marker at each edge.

The lengths are irregular, so that the bursts fit the power at one place only.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.synchronize import Barrier, Event

from monitor.analysis.alignment import BURST
from monitor.errors import ConfigError
from monitor.markers.client import MarkerClient

_SHORTEST_S, _LONGEST_S = 0.15, 0.6  # of a burst, and of a pause
_READY_S = 60.0
_SEED = 20_26
_GPU_SIDE = 8192  # of the matrices: some milliseconds of a large GPU for each product


class Bursts:
    """Bursts on the processors or the GPU of this computer.

    Parameters
    ----------
    kind
        ``cpu`` or ``gpu``.
    seconds
        How long they last, about.
    url
        Of the broker; None takes ``WATTSTAGE_BROKER``, else the one on this computer.
    prefix
        First level of the topics.
    """

    def __init__(self, kind: str, *, seconds: float, url: str | None, prefix: str) -> None:
        if kind not in _LOADS:
            raise ConfigError(f"bursts are made on cpu or gpu, got {kind!r}")
        self._load = _LOADS[kind]
        self._kind = kind
        self._url, self._prefix = url, prefix
        lengths = random.Random(_SEED)  # noqa: S311 (nothing is kept secret by it)
        self._lengths_s: list[tuple[float, float]] = []
        while sum(map(sum, self._lengths_s)) < seconds:
            pair = [lengths.uniform(_SHORTEST_S, _LONGEST_S) for _ in range(2)]
            self._lengths_s.append((pair[0], pair[1]))

    def __len__(self) -> int:
        return len(self._lengths_s)

    def run(self) -> Iterator[int]:
        """Make them, and yield the number of each that is over.

        Raises
        ------
        ConfigError
            If there is no GPU, or PyTorch for it.
        """
        with self._load() as switch, MarkerClient(self._url, prefix=self._prefix) as client:
            client.header(load=f"bursts on the {self._kind}")
            for k, (on_s, off_s) in enumerate(self._lengths_s):
                span = client.begin(BURST, index=k, total=len(self))
                switch(True)
                time.sleep(on_s)
                switch(False)
                client.end(span)
                time.sleep(off_s)
                yield k


Switch = Callable[[bool], None]


@contextmanager
def _processors() -> Iterator[Switch]:
    """Yield what loads every processor, by a process each."""
    context = multiprocessing.get_context("spawn")
    n = len(os.sched_getaffinity(0))
    on, over, ready = context.Event(), context.Event(), context.Barrier(n + 1)
    workers = [context.Process(target=_spin, args=(on, over, ready), daemon=True) for _ in range(n)]
    for worker in workers:
        worker.start()
    try:
        ready.wait(_READY_S)
        yield lambda wanted: on.set() if wanted else on.clear()
    finally:
        on.clear()
        over.set()
        for worker in workers:
            worker.join(1.0)
            worker.kill()
            worker.join()
            worker.close()


def _spin(on: Event, over: Event, ready: Barrier) -> None:
    ready.wait(_READY_S)
    while not over.is_set():
        if on.wait(0.1):
            while on.is_set():
                sum(range(2000))


@contextmanager
def _gpu() -> Iterator[Switch]:
    """Yield what loads the first GPU; when it is released, nothing is left to do there."""
    try:
        torch = importlib.import_module("torch")  # only who has a GPU has it
    except ImportError as error:
        raise ConfigError(
            "bursts on the GPU need PyTorch, which is not installed here; use --burst cpu"
        ) from error
    if not torch.cuda.is_available():
        raise ConfigError("PyTorch sees no GPU on this computer; use --burst cpu")
    matrix = torch.randn(_GPU_SIDE, _GPU_SIDE, device="cuda", dtype=torch.float16)
    torch.matmul(matrix, matrix)
    torch.cuda.synchronize()
    on, over, idle = threading.Event(), threading.Event(), threading.Event()

    def multiply() -> None:
        while not over.is_set():
            idle.set()
            if on.wait(0.1):
                idle.clear()
                while on.is_set():
                    torch.matmul(matrix, matrix)
                    torch.cuda.synchronize()

    def switch(wanted: bool) -> None:
        if wanted:
            on.set()
        else:
            on.clear()
            idle.wait(_READY_S)

    worker = threading.Thread(target=multiply, daemon=True)
    worker.start()
    try:
        yield switch
    finally:
        on.clear()
        over.set()
        worker.join(_READY_S)


_LOADS: dict[str, Callable[[], AbstractContextManager[Switch]]] = {
    "cpu": _processors,
    "gpu": _gpu,
}
