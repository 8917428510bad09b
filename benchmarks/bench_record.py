"""How fast pairs of samples are recorded, and how soon a recording is on the screen.

Run: python benchmarks/bench_record.py [FOLDER]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from monitor.model import Block, Channel, Quantity, Scale, StreamInfo, Supply
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

RATE_HZ = 1_000_000.0
N_SAMPLES = 200_000_000  # 800 MB
N_COLUMNS = 1920
AHEAD_S = 8.0  # of queued data: as far as an import lets the disk fall behind
SCALES = (Scale(0.0125, 0.0), Scale(0.001, 0.0))


def info(supply: Supply) -> StreamInfo:
    """Return the stream of a voltage and a current."""
    return StreamInfo(
        channels=tuple(
            Channel(name=q.value, quantity=q) for q in (Quantity.VOLTAGE, Quantity.CURRENT)
        ),
        sample_rate_hz=RATE_HZ, t0_ns=0, t0_uncertainty_ns=0,
        dtype="int16", continuous=True, supply=supply,
    )  # fmt: skip


def codes_of(n: int, noise: float = 200.0) -> np.ndarray:
    """Return mains voltage and current with noise, shape (2, n)."""
    angle = 2 * np.pi * 50 * np.arange(n) / RATE_HZ
    hiss = np.random.default_rng(0).normal(scale=noise, size=(2, n))
    rows = np.stack((26_000 * np.sin(angle), 10_000 * np.sin(angle - 0.3)))
    return (rows + hiss).astype(np.int16)


def write(
    path: Path, codes: np.ndarray, n: int, supply: Supply = Supply.MAINS
) -> tuple[float, float]:
    """Return the seconds until all was in the file, and the longest that one call took."""
    begin = time.perf_counter()
    longest = 0.0
    with Recorder(path, info(supply)) as recorder:
        for k in range(0, N_SAMPLES, n):
            at = k % (codes.shape[1] - n + 1) // n * n
            block = Block(k, codes[:, at : at + n], SCALES, (0, 0), 0, 0)
            called = time.perf_counter()
            recorder.write(block)
            longest = max(longest, time.perf_counter() - called)
            while recorder.state.queued_s > AHEAD_S:
                time.sleep(0.001)
        assert not recorder.state.error
    return time.perf_counter() - begin, longest


def main(folder: Path) -> None:
    """Print a line per block length, then what a reader waits for."""
    codes = codes_of(4_000_000)
    print(f"{N_SAMPLES / 1e6:g} million pairs of int16, {N_SAMPLES * 4 / 1e6:g} MB\n")
    print("block    recorded (million pairs/s)   longest call (ms)   bytes a pair")
    for n in (1_000, 10_000, 100_000):
        runs = []
        for k in range(3):
            path = folder / f"{n}-{k}.h5"
            runs.append((*write(path, codes, n), path.stat().st_size))
            path.unlink()
        taken, longest, size = min(runs)
        rate, each = N_SAMPLES / taken / 1e6, size / N_SAMPLES
        print(f"{n:7} {rate:20.0f} {1e3 * longest:23.2f} {each:17.3f}")
    print("\nsupply   open (ms)   first view of all (s; million pairs/s)   again (ms)")
    for supply in (Supply.MAINS, Supply.DC):
        path = folder / f"{supply.value}.h5"
        write(path, codes, 10_000, supply)
        begin = time.perf_counter()
        with Recording(path) as recording:
            opened = time.perf_counter()
            recording.view(0, N_SAMPLES, N_COLUMNS, (0.02, 1.0, 10.0), (0.1, 1.0, 10.0))
            seen = time.perf_counter()
            recording.view(0, N_SAMPLES, N_COLUMNS, (0.02, 1.0, 10.0), (0.1, 1.0, 10.0))
            again = time.perf_counter()
        first = seen - opened
        print(
            f"{supply.value:6} {1e3 * (opened - begin):11.1f} {first:13.2f}"
            f" {N_SAMPLES / first / 1e6:10.0f} {1e3 * (again - seen):21.1f}"
        )
        path.unlink()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as made:
        main(Path(made))
