"""What telemetry costs the workload's host, and whether the lag that it finds is so.

    python benchmarks/bench_telemetry.py [--seconds 30] [--gpus 8]

The process that `wattstage run` starts is run alone, on a pynvml made of arithmetic, so the calls
of NVML itself are not in the figures; how many there are is printed. Then its readings, as they
came over the broker, are held against the load that the fake has: delay and window are known.
"""

import argparse
import asyncio
import importlib
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil

from monitor.dsp.lag import lag
from monitor.dsp.trailing import Trailing
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.feed import MarkerFeed
from monitor.model import Reading
from monitor.telemetry.report import INTERVAL_S

ROOT = Path(__file__).parents[1]
FAKES = ROOT / "tests" / "telemetry" / "fakes"
STEP_S = 0.005


async def gathered(n_gpus, seconds):
    """Return the readings, and what the process took: share of a core, MiB."""
    readings = []
    with EmbeddedBroker(0) as broker:
        async with MarkerFeed(broker.url) as feed:
            await feed.wait_connected(10.0)
            env = {**os.environ, "WATTSTAGE_BROKER": broker.url, "WATTSTAGE_FAKE_GPUS": str(n_gpus)}
            env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(FAKES)])
            command = [sys.executable, "-m", "monitor.telemetry"]
            begun_s = time.monotonic()
            with subprocess.Popen(command, env=env, stdin=subprocess.PIPE) as process:  # noqa: ASYNC220
                told = psutil.Process(process.pid)
                while not any(isinstance(item, Reading) for item in [await anext(feed)]):
                    pass
                first_s = time.monotonic() - begun_s
                before, before_s = told.cpu_times(), time.monotonic()
                while time.monotonic() < before_s + seconds:
                    item = await anext(feed)
                    if isinstance(item, Reading):
                        readings.append(item)
                after, took_s = told.cpu_times(), time.monotonic() - before_s
                size = told.memory_info().rss / 2**20
                process.stdin.close()
                process.wait(10.0)
            share = (after.user - before.user + after.system - before.system) / took_s
            assert feed.n_malformed == feed.n_overflowed == 0
    return readings, share, size, first_s


def check(readings):
    """Print delay and window of the first card's powers against the load."""
    sys.path.insert(0, str(FAKES))
    load_w = importlib.import_module("pynvml").load_w
    by_channel = defaultdict(list)
    for reading in readings:
        if reading.channel.name.startswith("GPU 0 power"):
            by_channel[reading.channel.name].append((reading.time_ns / 1e9, reading.value))
    start_s = min(times[0][0] for times in by_channel.values()) - 10.0
    cells = [load_w(start_s + (k + 0.5) * STEP_S) for k in range(round(1e3 / STEP_S))]
    cells = np.asarray(cells[: round((time.time() - start_s) / STEP_S)])
    for name, pairs in by_channel.items():
        times_s, values_w = np.asarray(sorted(pairs)).T
        found = lag(Trailing(cells, 0.0, STEP_S), times_s - start_s, values_w)
        print(
            f"{name:<36} {1e3 * found.delay_s:6.0f} ± {1e3 * found.delay_uncertainty_s:.0f} ms"
            f" late, {found.shape.value} of {1e3 * found.window_s:.0f} ± "
            f"{1e3 * found.window_uncertainty_s:.0f} ms, gain {found.gain:.3f},"
            f" correlation {found.correlation:.4f}, {found.n_readings} readings"
        )


def main():
    """Print what it costs, and what it shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--gpus", type=int, default=8)
    options = parser.parse_args()
    readings, share, size, first_s = asyncio.run(gathered(options.gpus, options.seconds))
    n_calls = options.gpus * (2 / INTERVAL_S + 6)
    age_s = [(reading.received_ns - reading.time_ns) / 1e9 for reading in readings]
    print(
        f"{options.gpus} GPUs: {100 * share:.1f} % of a core, {size:.0f} MiB, {n_calls:.0f} calls"
        f" of NVML a second, {len(readings) / options.seconds:.0f} readings a second; a reading is"
        f" there after {1e3 * statistics.median(age_s):.0f} ms (p99"
        f" {1e3 * float(np.quantile(age_s, 0.99)):.0f}), the first {first_s:.1f} s after the start"
    )
    check(readings)


if __name__ == "__main__":
    main()
