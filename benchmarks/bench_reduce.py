"""How fast samples are reduced, and how soon a view of them is there.

Run: python benchmarks/bench_reduce.py
"""

import time

import numpy as np

from monitor.history.history import History
from monitor.model import Block, Channel, Quantity, Scale, StreamInfo, Supply

AVERAGES_S, RAMPS_S = (0.02, 1.0, 10.0), (0.1, 1.0, 10.0)
N_SAMPLES = 4_000_000
N_COLUMNS = 1500
SCALES = (Scale(0.0125, 0.0), Scale(0.001, 0.0))


def fresh(rate_hz: float, supply: Supply) -> History:
    """Return an empty history of a voltage and a current."""
    channels = tuple(
        Channel(name=q.value, quantity=q) for q in (Quantity.VOLTAGE, Quantity.CURRENT)
    )
    return History(
        StreamInfo(
            channels=channels, sample_rate_hz=rate_hz, t0_ns=0, t0_uncertainty_ns=0,
            dtype="int16", continuous=True, supply=supply,
        ),
        seconds=N_SAMPLES / rate_hz, max_bytes=1 << 30,
        average_windows_s=AVERAGES_S, ramp_windows_s=RAMPS_S,
    )  # fmt: skip


def codes_of(rate_hz: float) -> np.ndarray:
    """Return mains voltage and current with noise, shape (2, N_SAMPLES)."""
    angle = 2 * np.pi * 50 * np.arange(N_SAMPLES) / rate_hz
    noise = np.random.default_rng(0).normal(scale=200, size=(2, N_SAMPLES))
    rows = np.stack((26_000 * np.sin(angle), 10_000 * np.sin(angle - 0.3)))
    return (rows + noise).astype(np.int16)


def main() -> None:
    """Print one line per rate, supply and block length, then one per span of a view."""
    print("rate_hz   supply  block   append (million pairs/s)")
    for rate_hz in (100_000.0, 1_000_000.0):
        codes = codes_of(rate_hz)
        for supply in (Supply.MAINS, Supply.DC):
            for n in (1_000, 10_000, 100_000):
                history = fresh(rate_hz, supply)
                for half in (range(0, N_SAMPLES, n), range(N_SAMPLES, 2 * N_SAMPLES, n)):
                    blocks = [
                        Block(k, codes[:, k % N_SAMPLES : k % N_SAMPLES + n], SCALES, (0, 0), 0, 0)
                        for k in half
                    ]
                    begin = time.perf_counter()
                    for block in blocks:
                        history.append(block)
                    taken = time.perf_counter() - begin
                # The first half also pays for touching the memory for the first time.
                print(f"{rate_hz:9.0f} {supply.value:>6} {n:7} {N_SAMPLES / taken / 1e6:8.1f}")
    print(f"\nspan (samples)   view of {N_COLUMNS} columns: p50, p95 (ms)")
    stop = history.bounds[1]
    for span in (1_000, 10_000, 100_000, 500_000, 1_000_000, 4_000_000):
        times = []
        for k in range(60):
            begin = time.perf_counter()
            history.view(stop - span - 37 * k, stop - 37 * k, N_COLUMNS)
            times.append(1e3 * (time.perf_counter() - begin))
        p50, p95 = np.percentile(times, [50, 95])
        print(f"{span:14} {p50:9.2f} {p95:9.2f}")


if __name__ == "__main__":
    main()
