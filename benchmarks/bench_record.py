"""How fast the recorder writes, what the file costs beside its codes, and how soon it is open.

All of it in the page cache, as in real use: neither the recorder nor the plain write beside it asks
the disk to sync. Medians of interleaved runs.

Run: python benchmarks/bench_record.py [--folder DIR]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from monitor.model import Block, Channel, Quantity, Scale, StreamInfo, Supply
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

RATE_HZ = 1_000_000.0
N_SAMPLES = 60_000_000  # of each channel: a minute
N_COLUMNS = 1920
SCALES = (Scale(0.0125, 0.0), Scale(0.001, 0.0))
N_RUNS = 5
AHEAD_S = 20.0  # of data in the queue: 80 MB
INFO = StreamInfo(
    channels=tuple(Channel(name=q.value, quantity=q) for q in (Quantity.VOLTAGE, Quantity.CURRENT)),
    sample_rate_hz=RATE_HZ, t0_ns=0, t0_uncertainty_ns=0, dtype="int16", continuous=True,
    supply=Supply.MAINS,
)  # fmt: skip


def codes_of(n: int) -> np.ndarray:
    """Return mains voltage and current with noise, shape (2, n)."""
    angle = 2 * np.pi * 50 * np.arange(n) / RATE_HZ
    noise = np.random.default_rng(0).normal(scale=200, size=(2, n))
    rows = np.stack((26_000 * np.sin(angle), 10_000 * np.sin(angle - 0.3)))
    return (rows + noise).astype(np.int16)


def write(path: Path, codes: np.ndarray, n: int) -> float:
    """Record a minute in blocks of ``n`` and return the seconds from the first to the closed file.

    The queue is kept from overflowing, so the writing is what is measured.
    """
    period = codes.shape[1]
    begin = time.perf_counter()
    with Recorder(path, INFO) as recorder:
        for start in range(0, N_SAMPLES, n):
            at = start % period
            recorder.write(Block(start, codes[:, at : at + n], SCALES, (0, 0), 0, 0))
            while recorder.state.queued_s > AHEAD_S:
                time.sleep(0.001)
    taken = time.perf_counter() - begin
    if recorder.state.error or recorder.n_dropped:
        raise SystemExit(recorder.state.error or f"{recorder.n_dropped} items were dropped")
    return taken


def write_plainly(path: Path, codes: np.ndarray) -> float:
    """Write as many bytes to a file without any structure and return the seconds."""
    begin = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(N_SAMPLES // codes.shape[1]):
            file.write(codes.data)
    return time.perf_counter() - begin


def look(path: Path) -> tuple[float, float, float]:
    """Return the seconds to open, then to the first view of all, then to the next."""
    times = [time.perf_counter()]
    with Recording(path) as recording:
        times.append(time.perf_counter())
        for _ in range(2):
            recording.view(*recording.bounds, N_COLUMNS, (0.02, 1.0, 10.0), (0.1, 1.0, 10.0))
            times.append(time.perf_counter())
        if recording.n_samples != N_SAMPLES or not recording.closed:
            raise SystemExit(f"{path} holds {recording.n_samples} of {N_SAMPLES} samples")
    opened, first, again = np.diff(times)
    return float(opened), float(first), float(again)


def measure(folder: Path, codes: np.ndarray, n: int) -> str:
    """Return the line of the table for blocks of ``n``."""
    path, plain = folder / "r.h5", folder / "plain"
    figures = []
    for _ in range(N_RUNS):
        taken = write(path, codes, n)
        figures.append((taken, write_plainly(plain, codes), *look(path)))
        overhead = path.stat().st_size / plain.stat().st_size - 1
        path.unlink()
        plain.unlink()
    taken, raw, opened, first, again = np.median(figures, axis=0)
    return (
        f"{n:7} {N_SAMPLES / taken / 1e6:10.0f} {N_SAMPLES / raw / 1e6:10.0f} {overhead:9.2%}"
        f" {1e3 * opened:8.1f} {first:14.2f} {1e3 * again:12.2f}"
    )


def main() -> None:
    """Print one line per length of a block."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; else a temporary one")
    folder = parser.parse_args().folder
    codes = codes_of(1_000_000)
    print(f"{N_SAMPLES / RATE_HZ:g} s of 2 x {RATE_HZ / 1e6:g} MS/s int16, {N_COLUMNS} columns")
    print("          record      plain  overhead     open     first view    next view")
    print("  block   MS/s of pairs                     ms              s           ms")
    with tempfile.TemporaryDirectory(dir=folder) as made:
        for n in (10_000, 100_000):
            print(measure(Path(made), codes, n))


if __name__ == "__main__":
    main()
