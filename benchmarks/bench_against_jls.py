"""A recording against a Joulescope file of the same codes: write, size, open, zoom, summaries.

Needs pyjls (pip install pyjls), which nothing else here needs. Both files hold a voltage and a
current as int16; "jls+p" has their power as well, as float32. Ours needs no stored power: it has
its summaries, and a view has it.

Run: python benchmarks/bench_against_jls.py [--millions 200] [--folder FOLDER]
"""

import argparse
import functools
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from bench_record import RATE_HZ, SCALES, codes_of, info

from monitor.model import Block, Supply
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

N_COLUMNS = 1920
BLOCK = 100_000
SPANS = (2e3, 2e4, 2e5, 1e6, 2e6, 1e7, 1e8, 1e9)
N_TRIES = 40


def write_ours(path: Path, codes: np.ndarray, n: int) -> None:
    """Record as fast as the disk takes it."""
    with Recorder(path, info(Supply.MAINS)) as recorder:
        for k in range(0, n, BLOCK):
            at = k % codes.shape[1]
            recorder.write(Block(k, codes[:, at : at + BLOCK], SCALES, (0, 0), 0, 0))
            while recorder.state.queued_s > 8.0:
                time.sleep(0.001)
    assert not recorder.state.error


def write_jls(path: Path, codes: np.ndarray, n: int, *, power: bool) -> None:
    """Write two signals of int16, and their product as float32."""
    from pyjls import DataType, SignalType, Writer

    values = codes * np.array([[scale.gain] for scale in SCALES], np.float32)
    rows = [*codes, *([values[0] * values[1]] if power else [])]
    types = (DataType.I16, DataType.I16, DataType.F32)
    with Writer(str(path)) as writer:
        writer.source_def(source_id=1, name="bench")
        for signal, _ in enumerate(rows, start=1):
            writer.signal_def(
                signal, source_id=1, signal_type=SignalType.FSR, data_type=types[signal - 1],
                sample_rate=int(RATE_HZ), name=f"s{signal}", units="",
            )  # fmt: skip
        for k in range(0, n, BLOCK):
            at = k % codes.shape[1]
            for signal, row in enumerate(rows, start=1):
                writer.fsr(signal, k, row[at : at + BLOCK])


class Ours:
    """What a window asks of a recording."""

    def __init__(self, path: Path) -> None:
        self._recording = Recording(path)

    def view(self, start: int, stop: int) -> None:
        """Ask for the extremes of three signals."""
        self._recording.view(start, stop, N_COLUMNS, (), ())

    def summary(self, start: int, stop: int) -> None:
        """Ask for exact sums and extremes of three signals."""
        self._recording.summary(start, stop)


class Jls:
    """The same of a JLS file, of the signals that it has."""

    def __init__(self, path: Path) -> None:
        from pyjls import Reader

        self._reader = Reader(str(path))
        self._signals = [k for k in self._reader.signals if k]

    def view(self, start: int, stop: int) -> None:
        """Ask for mean, deviation and extremes."""
        step = max((stop - start) // N_COLUMNS, 1)
        for signal in self._signals:
            self._reader.fsr_statistics(signal, start, step, (stop - start) // step)

    def summary(self, start: int, stop: int) -> None:
        """Ask for exact statistics."""
        for signal in self._signals:
            self._reader.fsr_statistics(signal, start, stop - start, 1)


def times(ask, ranges) -> list[float]:
    """Return how long each answer took, in ms."""
    took = []
    for start, stop in ranges:
        begin = time.perf_counter()
        ask(start, stop)
        took.append(1e3 * (time.perf_counter() - begin))
    return took


def read(kind: str, path: Path, n: int) -> None:
    """Print what a reader waits for; in a process of its own, for its memory."""
    size = path.stat().st_size
    for state in ("cold", "warm"):
        if state == "cold":
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, size, os.POSIX_FADV_DONTNEED)
        begin = time.perf_counter()
        opened = Ours(path) if kind == "ours" else Jls(path)
        opening = time.perf_counter() - begin
        opened.view(0, n)
        first = time.perf_counter() - begin
        print(
            f"{kind:5} {state}: open {1e3 * opening:.1f} ms, with first view {1e3 * first:.1f} ms"
        )
    rng, every = np.random.default_rng(0), []
    for span in (int(s) for s in SPANS if s <= n):
        starts = rng.integers(0, n - span + 1, N_TRIES).tolist()
        took = times(opened.view, [(a, a + span) for a in starts])
        every += took
        p50, p95 = np.percentile(took, (50, 95))
        print(f"{kind:5} view of {span:13,} samples: p50 {p50:7.2f} ms, p95 {p95:7.2f} ms")
    p50, p95 = np.percentile(every, (50, 95))
    print(f"{kind:5} view of any of these spans: p50 {p50:7.2f} ms, p95 {p95:7.2f} ms")
    ranges = np.sort(rng.integers(0, n, (N_TRIES, 2)), axis=1).tolist()
    p50, p95 = np.percentile(times(opened.summary, [(a, b + 1) for a, b in ranges]), (50, 95))
    print(f"{kind:5} exact summary: p50 {p50:.2f} ms, p95 {p95:.2f} ms")
    print(f"{kind:5} memory {psutil.Process().memory_info().rss / 1e6:.0f} MB")


def main() -> None:
    """Write both files, and let a process of its own read each."""
    if importlib.util.find_spec("pyjls") is None:
        print("pyjls is not installed, so there is nothing to compare with: pip install pyjls")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--millions", type=int, default=200, help="Samples of each channel.")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--read", nargs=2, metavar=("KIND", "FILE"), default=None)
    asked = parser.parse_args()
    n = asked.millions * 1_000_000
    if asked.read is not None:
        read(asked.read[0], Path(asked.read[1]), n)
        return
    codes = codes_of(4_000_000)
    kinds = {
        "ours": write_ours,
        "jls": functools.partial(write_jls, power=False),
        "jls+p": functools.partial(write_jls, power=True),
    }
    for kind, write in kinds.items():
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            path = Path(folder) / kind
            begin = time.perf_counter()
            write(path, codes, n)
            took = time.perf_counter() - begin
            rate, size = n / took / 1e6, path.stat().st_size / n
            print(f"{kind:5} wrote {rate:.0f} million pairs/s, {size:.3f} bytes a pair", flush=True)
            subprocess.run(
                [sys.executable, __file__, "--millions", str(asked.millions), "--read", kind, path],
                check=True,
            )


if __name__ == "__main__":
    main()
