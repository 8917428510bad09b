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
N_OPENED = 10
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


OPENED = {"ours": Ours, "jls": Jls, "jls+p": Jls}


def put_into_page_cache(path: Path, *, into: bool) -> None:
    """Let the file be in the page cache, all of it or nothing of it."""
    with path.open("rb") as file:
        if into:
            while file.read(1 << 24):
                pass
        else:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, path.stat().st_size, os.POSIX_FADV_DONTNEED)


def tell(what: str, took: dict[str, list[float]]) -> None:
    """Print the percentiles of each kind in ms, side by side."""
    figures = (np.percentile(each, (50, 95)) for each in took.values())
    cells = [f"{p50:9.2f} {p95:8.2f}" for p50, p95 in figures]
    print(f"{what:34} {' |'.join(cells)}", flush=True)


def compare(paths: dict[str, Path], n: int, *, cached: bool) -> None:
    """Ask all files the same in turn, so that a machine that gets slow does so for all.

    Each time in another order, since who asks first finds the disk and the caches idle.
    """
    rng = np.random.default_rng(0)
    where = "page cache" if cached else "disk"
    opening: dict[str, list[float]] = {kind: [] for kind in paths}
    first: dict[str, list[float]] = {kind: [] for kind in paths}
    readers: dict[str, Ours | Jls] = {}
    for trial in range(1 + N_OPENED):
        for kind in rng.permutation(list(paths)).tolist():
            put_into_page_cache(paths[kind], into=cached)
            begin = time.perf_counter()
            reader = OPENED[kind](paths[kind])
            opened = time.perf_counter()
            reader.view(0, n)
            seen = time.perf_counter()
            readers[kind] = reader
            if trial:  # the first loads code as well
                opening[kind].append(1e3 * (opened - begin))
                first[kind].append(1e3 * (seen - begin))
    tell(f"{where}: open", opening)
    tell(f"{where}: open and view of all", first)
    rng = np.random.default_rng(0)
    all_views: dict[str, list[float]] = {kind: [] for kind in paths}
    for span in (int(s) for s in SPANS if s <= n):
        took: dict[str, list[float]] = {kind: [] for kind in paths}
        starts = rng.integers(0, n - span + 1, N_TRIES).tolist()
        for path in paths.values():
            put_into_page_cache(path, into=cached)
        for start in starts:
            for kind in rng.permutation(list(readers)).tolist():
                took[kind] += times(readers[kind].view, [(start, start + span)])
        tell(f"{where}: view of {span:,}", took)
        for kind, each in took.items():
            all_views[kind] += each
    tell(f"{where}: view of any of these", all_views)
    took = {kind: [] for kind in paths}
    for begin, end in np.sort(rng.integers(0, n, (N_TRIES, 2)), axis=1).tolist():
        for kind in rng.permutation(list(readers)).tolist():
            took[kind] += times(readers[kind].summary, [(begin, end + 1)])
    tell(f"{where}: exact summary", took)


def remember(kind: str, path: Path, n: int) -> None:
    """Print the memory of a process that has asked for all spans."""
    reader = OPENED[kind](path)
    rng = np.random.default_rng(0)
    for span in (int(s) for s in SPANS if s <= n):
        for start in rng.integers(0, n - span + 1, N_TRIES).tolist():
            reader.view(start, start + span)
    print(f"{kind:5} memory {psutil.Process().memory_info().rss / 1e6:.0f} MB", flush=True)


def main() -> None:
    """Write the files, ask them in turn, and let a process of its own read each for its memory."""
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
        remember(asked.read[0], Path(asked.read[1]), n)
        return
    codes = codes_of(4_000_000)
    kinds = {
        "ours": write_ours,
        "jls": functools.partial(write_jls, power=False),
        "jls+p": functools.partial(write_jls, power=True),
    }
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        paths = {kind: Path(folder) / kind for kind in kinds}
        for kind, write in kinds.items():
            begin, used = time.perf_counter(), time.process_time()
            write(paths[kind], codes, n)
            rate = n / (time.perf_counter() - begin) / 1e6
            cpu_ns = 1e9 * (time.process_time() - used) / n
            size = paths[kind].stat().st_size / n
            print(
                f"{kind:5} wrote {rate:.0f} million pairs/s, {cpu_ns:.1f} ns of the processor and"
                f" {size:.3f} bytes a pair",
                flush=True,
            )
        print(f"{'p50 and p95 in ms':34} {' |'.join(f'{kind:>18}' for kind in kinds)}")
        for cached in (False, True):
            compare(paths, n, cached=cached)
        for kind, path in paths.items():
            command = [sys.executable, __file__, "--millions", str(asked.millions), "--read"]
            subprocess.run([*command, kind, path], check=True)


if __name__ == "__main__":
    main()
