"""The real inference script of Open-Sora checkouts, with and without ``wattstage run``.

    python benchmarks/bench_opensora.py PYTHON CHECKOUT...

PYTHON is one that has what tiny_opensora.py needs. For each checkout: whether the files and the
output are the same, how many steps were counted, and what the stages cost.
"""

import asyncio
import hashlib
import re
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


def run(command):
    """Run a command; return its output without times, and how long it took in s."""
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True)
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
        command = [python, str(HERE / "tiny_opensora.py"), checkout, name, str(STEPS)]
        wrapped = [sys.executable, "-m", "monitor.cli", "run", "--broker", url, "--", *command]
        times = {"alone": [], "wrapped": []}
        found = {}
        for _ in range(ROUNDS):
            for way, line in (("alone", command), ("wrapped", wrapped)):
                text, took_s = await asyncio.to_thread(run, line)
                found[way] = text, files(output)
                times[way].append(took_s)
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
