"""How much later a program starts under ``wattstage run``, and every Python in it.

    python benchmarks/bench_start.py [--rounds 20] [--mosquitto PATH] [--against CHECKOUT]

Wall time of whole processes, in turn: of a Python that does nothing, alone and as ``wattstage run``
starts each Python of a program, and of ``wattstage run`` around it; also of another checkout.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench_hooks import mosquitto

ROOT = Path(__file__).parents[1]


def took_s(command, path, root=ROOT, **env):
    """Return how long a command takes in a checkout."""
    begin_s = time.perf_counter()
    subprocess.run(
        command, check=True, capture_output=True, cwd=root,
        env=os.environ | {"PYTHONPATH": str(path)} | env,
    )  # fmt: skip
    return time.perf_counter() - begin_s


def main():
    """Measure, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--mosquitto", default="/usr/sbin/mosquitto")
    parser.add_argument("--against", type=Path, help="another checkout of Wattstage")
    options = parser.parse_args()
    nothing = [sys.executable, "-c", "pass"]
    rows = {}
    with mosquitto(options.mosquitto) as url:
        run = [sys.executable, "-m", "monitor.cli", "run", "--broker", url]
        for _ in range(options.rounds):
            rows.setdefault("python", []).append(took_s(nothing, ""))
            for root in filter(None, (ROOT, options.against)):
                inject = root / "monitor" / "workload" / "inject"
                for name, took in (
                    (
                        "python, as it is started in a run",
                        took_s(nothing, inject, WATTSTAGE_RUN_ID="x"),
                    ),
                    ("run -- python", took_s([*run, "--", *nothing], root, root)),
                    (
                        "run --no-telemetry -- python",
                        took_s([*run, "--no-telemetry", "--", *nothing], root, root),
                    ),
                ):
                    rows.setdefault(f"{root.name}: {name}", []).append(took)
    for name, taken in rows.items():
        print(f"{name:55} median {statistics.median(taken):.3f} s, least {min(taken):.3f} s")


if __name__ == "__main__":
    main()
