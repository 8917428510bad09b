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
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    usage = watch(engine, bench)
    bench.terminate()
    bench.wait()
    if engine.returncode:
        sys.exit(f"the engine ended with code {engine.returncode}")
    report(out, truth, usage)


def watch(engine: subprocess.Popen[bytes], bench: subprocess.Popen[bytes]) -> dict[str, float]:
    """Return the processor time that both used until the engine ended, in s a second."""
    began = time.monotonic()
    used = {"engine": 0.0, "bench": 0.0}
    while engine.poll() is None:
        for name, process in (("engine", engine), ("bench", bench)):
            used[name] = max(used[name], processor_s(process.pid))
        time.sleep(0.2)
    wall_s = time.monotonic() - began
    return {name: seconds / wall_s for name, seconds in used.items()}


def processor_s(pid: int) -> float:
    """Return the processor time of a process so far (proc(5)); 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


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
    print(f"engine        {usage['engine']:.0%} of a core")
    print(f"bench         {usage['bench']:.0%} of a core")


if __name__ == "__main__":
    main()
