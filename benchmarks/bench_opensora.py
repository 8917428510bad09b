"""The real inference script of Open-Sora checkouts, with and without ``wattstage run``.

    python benchmarks/bench_opensora.py PYTHON CHECKOUT... [--rounds 5] [--depth 1]

PYTHON is one that has what tiny_opensora.py needs; checkouts of 1.2, 1.3 and 2.0 will do. For each:
whether files and output are the same, and what is told is what happened (steps and their timesteps,
the one warm-up, decoding that is not billed to saving), or it ends with an error. Then what all of
the hooks took, of the run and of the script without the start of Python and the import of torch,
and the wall time of both ways.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
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
from monitor.model import Marker

HERE = Path(__file__).parent
STEPS = 50


def run(command, **env):
    """Return a command's output without times, and how long it took in s.

    Progress bars are painted again as time goes by, so what is said twice in turn counts once.
    """
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ | env)
    took_s = time.perf_counter() - begin
    if done.returncode:
        sys.exit(done.stderr.decode("utf-8", "replace"))
    shown = re.compile(rb"\[?\d\d:\d\d<.*?\]|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
    lines = (re.split(rb"[\r\n]+", shown.sub(b"", text)) for text in (done.stdout, done.stderr))
    return [[line for line, _ in itertools.groupby(each)] for each in lines], took_s


def files(folder):
    """Return the hash of every video, by its name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "videos").rglob("*"))
        if path.is_file() and path.suffix != ".csv"
    }


def check(stages, truth):
    """Say what was told of one run, and hold it against what happened."""
    steps = [stage for stage in stages if stage.name == "denoise_step"]
    per = Counter(step.parent_id for step in steps)
    assert set(per.values()) == {STEPS}, per
    assert [s.index for s in steps] == list(range(STEPS)) * len(per)
    told = [step.attrs["timestep"] for step in steps]
    worst = max(abs(a - b) for a, b in zip(told, truth["timesteps"], strict=True))
    assert worst < 2e-3, f"timesteps are up to {worst} off"  # 2.0 calls its model in float32
    assert [bool(s.attrs.get("warmup")) for s in steps] == [True] + [False] * (len(steps) - 1)
    decodes = [stage for stage in stages if stage.name == "vae_decode"]
    saves = [stage for stage in stages if stage.name == "save"]
    assert truth["decoding"]
    for begin_ns, end_ns in truth["decoding"]:
        within = [s for s in decodes if s.start_ns <= begin_ns and end_ns <= s.stop_ns]
        assert len(within) == 1, "a decoding lies outside of its stage"
        assert not any(s.start_ns < end_ns and begin_ns < s.stop_ns for s in saves)
    assert {stage.attrs["status"] for stage in stages} == {"ok"}
    assert not any(stage.truncated for stage in stages)
    return (
        f"{len(steps)} steps in {len(per)} denoisings, {len(decodes)} decodings, {len(saves)} saved"
    )


async def compare(asked, checkout, feed, url):
    """Print what the two ways of running a checkout give."""
    markers = []

    async def pump():
        async for marker in feed:
            if isinstance(marker, Marker) and marker.span_id:
                markers.append(marker)

    task = asyncio.create_task(pump())
    with tempfile.TemporaryDirectory() as name:
        output, truth_file = Path(name), Path(name) / "truth"
        command = [asked.python, str(HERE / "tiny_opensora.py"), checkout, name]
        command += [str(STEPS), str(asked.depth)]
        wrapped = [sys.executable, "-m", "monitor", "run", "--broker", url, "--", *command]
        times = {"alone": [], "wrapped": []}
        found, truths = {}, []
        for _ in range(asked.rounds):
            for way, line in (("alone", command), ("wrapped", wrapped)):
                text, took_s = await asyncio.to_thread(run, line, TOLD=str(truth_file))
                found[way] = text, files(output)
                times[way].append(took_s)
            truths.append(json.loads(truth_file.read_text("ascii")))
        await asyncio.sleep(1.0)
    task.cancel()
    assert found["alone"] == found["wrapped"], "files or output are not the same"
    print(f"{checkout}: files ({len(found['alone'][1])}) and output same")
    runs = {}
    for marker in markers:
        runs.setdefault(marker.run_id, StageTree()).add(marker)
    for tree, truth in zip(runs.values(), truths, strict=True):
        said = check(tree.stages(time.time_ns()), truth)
    print(f"  of each run: {said}; timesteps, warm-up, decoding and saving as they were")
    for what, values in times.items():
        print(
            f"  wall time {what}: median {statistics.median(values):.2f}, of {sorted_s(values)} s"
        )
    for truth, run_s in zip(truths, times["wrapped"], strict=True):
        script_s = truth["script_ns"] / 1e9
        for k, what in enumerate(("by the clock", "of the processor")):
            hooks_ns = [took[k] for took in truth["hooks_ns"]]
            markers_ns = [took[k] for took in truth["markers_ns"]]
            once = (truth["load_ns"][k] + markers_ns.pop(0)) / 1e9  # with the import of Open-Sora
            share = sum(hooks_ns) / 1e9
            print(
                f"  {what:16}: hooks and client are loaded in {once * 1e3:.1f} ms;"
                f" {len(hooks_ns)} hooks, {tell(hooks_ns)}, with {len(markers_ns)} markers in them,"
                f" {tell(markers_ns)}, all {share * 1e3:.1f} ms: {share / run_s:.3%} of the run of"
                f" {run_s:.2f} s, with loading {(once + share) / run_s:.3%}; {share / script_s:.3%}"
                f" of the script's {script_s:.2f} s"
            )


def sorted_s(values):
    """Return times in order, in words."""
    return ", ".join(f"{value:.2f}" for value in sorted(values))


def tell(took_ns):
    """Return median and 99th percentile, in words."""
    cuts = [cut / 1e3 for cut in statistics.quantiles(took_ns, n=100)]
    return f"p50 {cuts[49]:.1f} us, p99 {cuts[98]:.1f} us"


async def main():
    """Compare each checkout."""
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("checkouts", nargs="+")
    parser.add_argument("--rounds", type=int, default=5, help="Runs each way.")
    parser.add_argument("--depth", type=int, default=1, help="Layers of the diffusion model.")
    asked = parser.parse_args()
    with EmbeddedBroker(0) as broker:
        for checkout in asked.checkouts:
            async with MarkerFeed(broker.url) as feed:
                await feed.wait_connected(5.0)
                await compare(asked, checkout, feed, broker.url)


if __name__ == "__main__":
    asyncio.run(main())
