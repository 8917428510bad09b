"""The real inference script of Open-Sora checkouts, with and without ``wattstage run``.

    python benchmarks/bench_opensora.py PYTHON CHECKOUT...

PYTHON is one that has what tiny_opensora.py needs. For each checkout: whether the files and the
output are the same, how many steps were counted, and which share of the run went into marking
them: of all of it, and of the script without the start of Python and the import of torch.
"""

import asyncio
import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from monitor.dsp.stages import StageTree
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.feed import MarkerFeed

HERE = Path(__file__).parent
STEPS = 50
ROUNDS = 3


def run(command, **env):
    """Return a command's output without times, and how long it took in s."""
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | env)
    took_s = time.perf_counter() - begin
    text = re.sub(rb"\[?\d\d:\d\d<.*?\]|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", b"", done.stdout)
    return text, took_s


def files(folder):
    """Return the hash of every video, by its name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "videos").rglob("*"))
        if path.is_file() and path.suffix != ".csv"
    }


async def compare(python, checkout, feed, url):
    """Print what the two ways of running a checkout give."""
    tree = StageTree()

    async def pump():
        async for marker in feed:
            tree.add(marker)

    task = asyncio.create_task(pump())
    with tempfile.TemporaryDirectory() as name:
        output = Path(name)
        cost = Path(name) / "cost"
        command = [python, str(HERE / "tiny_opensora.py"), checkout, name, str(STEPS)]
        wrapped = [sys.executable, "-m", "monitor", "run", "--broker", url, "--", *command]
        times = {"alone": [], "wrapped": []}
        found, costs = {}, []
        for _ in range(ROUNDS):
            for way, line, env in (
                ("alone", command, {}),
                ("wrapped", wrapped, {"MARKING_COST": str(cost)}),
            ):
                text, took_s = await asyncio.to_thread(run, line, **env)
                found[way] = text, files(output)
                times[way].append(took_s)
            costs.append([int(ns) for ns in cost.read_text("ascii").split()])
        await asyncio.sleep(1.0)
    task.cancel()
    stages = tree.stages(time.time_ns())
    counted = Counter(stage.name for stage in stages)
    print(
        f"{checkout}: files and output {'same' if found['alone'] == found['wrapped'] else 'DIFFER'}"
    )
    print(f"  {len(found['alone'][1])} files; stages of {ROUNDS} runs: {dict(counted)}")
    steps = [s for s in stages if s.name == "denoise_step"]
    per = Counter((s.run_id, s.parent_id) for s in steps)
    print(f"  steps per denoising: {sorted(set(per.values()))}, asked for {STEPS}")
    print(
        f"  best wall time alone {min(times['alone']):.2f} s, wrapped {min(times['wrapped']):.2f} s"
    )
    for (*took_ns, script_ns), run_s in zip(costs, times["wrapped"], strict=True):
        all_ns = sum(took_ns)
        p50_us, *_, p99_us = (cut / 1e3 for cut in statistics.quantiles(took_ns, n=100)[49:])
        print(
            f"  marking: {len(took_ns)} calls, p50 {p50_us:.1f} us, p99 {p99_us:.1f} us;"
            f" {all_ns / run_s / 1e9:.3%} of the run of {run_s:.2f} s,"
            f" {all_ns / script_ns:.3%} of the script's {script_ns / 1e9:.2f} s in it"
        )


async def main():
    """Compare each checkout."""
    python, *checkouts = sys.argv[1:]
    with EmbeddedBroker(0) as broker:
        for checkout in checkouts:
            async with MarkerFeed(broker.url) as feed:
                await feed.wait_connected(5.0)
                await compare(python, checkout, feed, broker.url)


if __name__ == "__main__":
    asyncio.run(main())
