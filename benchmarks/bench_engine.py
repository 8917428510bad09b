"""The whole engine against a scope without dead time: is a sample lost, and where does time go?

Two processes on this machine: the bench at 2 x RATE samples per second, and an engine that records
it. Afterwards the recording is held against the bench's own list of what it handed out.

    python benchmarks/bench_engine.py [--rate 1000000] [--seconds 60]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from monitor.recording.reader import Recording

_TICK = os.sysconf("SC_CLK_TCK")
_THREADS = ("loop: reduce, metrics, snapshots", "start-up", "scope: VISA, codes", "recorder: HDF5")


def main() -> None:
    """Run once and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=1e6, help="samples per second and channel")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--record-length", type=float, default=0.1, help="seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Record the bench and compare."""
    truth, out = folder / "truth.jsonl", folder / "session.h5"
    bench = subprocess.Popen(
        [sys.executable, "-m", "monitor.bench", "--gap-free", "--truth", str(truth)],
        stdout=subprocess.PIPE,
    )
    assert bench.stdout is not None
    address = json.loads(bench.stdout.readline())["visa"]
    command = [sys.executable, "-m", "monitor.cli", "record", "--visa", address, "--quiet"]
    command += ["--broker", "none", "--seconds", str(options.seconds), "-o", str(out)]
    command += ["--rate", str(options.rate), "--record-length", str(options.record_length)]
    command += ["--endpoint", f"ipc://{folder / 'engine.ipc'}"]
    one = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # its idle threads would spoil the count
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=one)
    usage = watch(engine, bench)
    bench.terminate()
    bench.wait()
    if engine.returncode:
        sys.exit(f"the engine ended with code {engine.returncode}")
    report(out, truth, usage)


def watch(engine: subprocess.Popen[bytes], bench: subprocess.Popen[bytes]) -> dict[str, float]:
    """Return the processor time that each thread used until the engine ended, in s a second."""
    began = time.monotonic()
    used: dict[str, float] = {}
    while engine.poll() is None:
        used |= {name: max(s, used.get(name, 0.0)) for name, s in threads(engine.pid).items()}
        used["bench"] = max(used.get("bench", 0.0), sum(threads(bench.pid).values()))
        time.sleep(0.2)
    wall_s = time.monotonic() - began
    return {name: seconds / wall_s for name, seconds in used.items()}


def threads(pid: int) -> dict[str, float]:
    """Return the processor time of a process so far by thread (proc(5)); nothing once it ended.

    Python does not tell the system what its threads are called; they are known by their order.
    """
    used: dict[str, float] = {}
    names = iter(_THREADS)
    try:
        for task in sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda path: int(path.name)):
            name, fields = (task / "stat").read_text().partition("(")[2].rsplit(")", 1)
            what = "serving" if name.startswith("ZMQ") else next(names, "others")
            times = fields.split()
            used[what] = used.get(what, 0.0) + (int(times[11]) + int(times[12])) / _TICK
    except OSError:
        pass
    return used


def report(out: Path, truth: Path, usage: dict[str, float]) -> None:
    """Print what was lost and what it cost."""
    records = [json.loads(line) for line in truth.read_text().splitlines()]
    withheld = sum(record["lost"] for record in records)
    with Recording(out) as recording:
        start, stop = recording.bounds
        lost = (stop - start) - recording.n_samples
        rate = recording.info.sample_rate_hz
        print(f"rate          2 x {rate / 1e6:g} MS/s for {(stop - start) / rate:.1f} s")
        print(f"samples       {recording.n_samples} a channel in {recording.n_blocks} blocks")
        print(f"withheld      {withheld} by the bench (its memory overran)")
        print(f"lost          {lost} in the recording, {recording.n_gaps} gaps")
        print(f"file          {out.stat().st_size / 1e6:.0f} MB")
    bench_share = usage.pop("bench")
    print(f"engine        {sum(usage.values()):.1%} of a core, of which")
    for name, used in usage.items():
        print(f"  {name:<40}{used:.1%}")
    print(f"bench         {bench_share:.1%} of a core")


if __name__ == "__main__":
    main()
