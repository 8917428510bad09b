"""What a marker costs the workload, and whether one is ever lost.

    python benchmarks/bench_markers.py [--seconds 60] [--mosquitto PATH]

First the time of single calls, with mosquitto to take them. Then a thousand markers a second
through mosquitto, which is stopped and started again twice meanwhile: every marker must come, once.
"""

import argparse
import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from monitor.dsp.stages import StageTree
from monitor.markers.client import MarkerClient
from monitor.markers.feed import MarkerFeed

RATE_HZ = 1000
PAUSE_S = 0.005
CALLS = ("begin", "end", "with, in", "with, out", "nothing")

SENDER = """
import sys, time
from monitor.markers.client import MarkerClient
url, seconds, rate = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
with MarkerClient(url, run_id="bench") as client:
    begin, n = time.perf_counter(), int(seconds * rate) // 2
    for k in range(n):
        with client.stage("step", index=k, total=n):
            pass
        left = begin + 2 * (k + 1) / rate - time.perf_counter()
        if left > 0:
            time.sleep(left)
    client.close(30.0)
    print(2 * n, client.n_sent, client.n_dropped)
"""


def calls(path):
    """Print how long single calls take: in a storm, after work, and after sleep.

    Of a storm's rounds, the first meets memory that the process has never used; the median counts.
    Beside them, at the same pace, what this machine takes for a call that only makes a dict (where
    other things were done meanwhile, caches are cold, and after sleep they are colder), and beside
    each p99 that of a loop that only waits for as long as the median call.
    """
    matrix = np.random.default_rng(1).random((200, 200), np.float32)

    def work():
        end_s = time.perf_counter() + PAUSE_S
        while time.perf_counter() < end_s:
            matrix @ matrix

    def sleep():
        time.sleep(PAUSE_S)

    port = free_port()
    with mosquitto(path, port):
        for what, pause, n, n_rounds in (
            ("back to back", lambda: None, 10_000, 5),
            ("after 5 ms of work", work, 2000, 1),
            ("after 5 ms of sleep", sleep, 2000, 1),
        ):
            took_ns, n_dropped = [], 0
            for _ in range(n_rounds):
                with MarkerClient(f"mqtt://127.0.0.1:{port}") as client:
                    took_ns.append(timed(client, pause, n))
                    n_dropped += client.n_dropped
            print(f"{what}, {n_rounds} x {n} stages, {n_dropped} markers dropped")
            for row, name in enumerate(CALLS):
                cuts_us = [quantiles_us(took[row]) for took in took_ns]
                p50, p99, p999 = (statistics.median(cuts) for cuts in zip(*cuts_us, strict=True))
                print(
                    f"  {name:9} p50 {p50:5.1f} us, p99 {p99:5.1f} us"
                    f" ({' '.join(f'{cuts[1]:.1f}' for cuts in cuts_us)};"
                    f" waiting as long {waiting_us(p50, n):.1f}), p99.9 {p999:6.1f} us"
                )


def quantiles_us(took_ns):
    """Return p50, p99 and p99.9 of a sample in us."""
    cuts = statistics.quantiles(took_ns, n=1000)
    return cuts[499] / 1e3, cuts[989] / 1e3, cuts[998] / 1e3


def timed(client, pause, n):
    """Return how long each of CALLS took, in ns, each after a pause.

    As in a workload, one way to mark is used by itself, and nothing is kept that Python's garbage
    collector would have to look at: what it does meanwhile is of the markers.
    """
    attrs = {"index": 0, "total": 50, "timestep": 0.5}
    span, stage = "", None

    def begin():
        nonlocal span
        span = client.begin("denoise_step", **attrs)

    def end():
        client.end(span)

    def enter():
        nonlocal stage
        stage = client.stage("denoise_step", **attrs)
        stage.__enter__()

    def leave():
        stage.__exit__(None, None, None)

    took_ns = np.zeros((len(CALLS), n), np.int64)
    at = 0
    for calls_in_turn in ((begin, end), (enter, leave), (lambda: nothing("a", **attrs),)):
        for k in range(n):
            for row, call in enumerate(calls_in_turn, start=at):
                pause()
                start_ns = time.perf_counter_ns()
                call()
                took_ns[row, k] = time.perf_counter_ns() - start_ns
        at += len(calls_in_turn)
    return took_ns.tolist()


def waiting_us(least_us, n):
    """Return the p99 of how long a loop takes that only waits for a time, in us.

    It is what the machine itself takes away: its timer, its host, its other programs.
    """
    took_ns = []
    for _ in range(n):
        start_ns = now_ns = time.perf_counter_ns()
        while now_ns - start_ns < 1e3 * least_us:
            now_ns = time.perf_counter_ns()
        took_ns.append(now_ns - start_ns)
    return quantiles_us(took_ns)[1]


def nothing(stage, **attrs):
    """Do what any call does."""
    return dict(attrs, stage=stage, time=time.time_ns())


def free_port():
    """Return a port of loopback where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def mosquitto(path, port):
    """Run mosquitto on a port of loopback."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
        with subprocess.Popen([path, "-c", settings]) as process:
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.02)
            try:
                yield process
            finally:
                process.terminate()


async def storm(path, seconds):
    """Print what came of a storm of markers through a broker that is restarted twice."""
    port = free_port()
    url = f"mqtt://127.0.0.1:{port}"
    markers, is_all = [], asyncio.Event()
    async with MarkerFeed(url) as feed, contextlib.AsyncExitStack() as stack:
        broker = stack.enter_context(mosquitto(path, port))
        await feed.wait_connected(10.0)

        async def pump():
            async for marker in feed:
                if marker.stage == "step":
                    markers.append(marker)
                    if len(markers) == seconds * RATE_HZ:
                        is_all.set()

        task = asyncio.create_task(pump())
        sender = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SENDER, url, str(seconds), str(RATE_HZ),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        for _ in range(2):
            await asyncio.sleep(seconds / 4)
            broker.terminate()
            await asyncio.to_thread(broker.wait)
            await asyncio.sleep(1.0)
            broker = stack.enter_context(mosquitto(path, port))
        said, _ = await sender.communicate()
        n, n_sent, n_dropped = map(int, said.split())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(is_all.wait(), 30.0)
        await asyncio.sleep(1.0)
        task.cancel()
    tree = StageTree()
    for marker in markers:
        tree.add(marker)
    stages = tree.stages(time.time_ns())
    per = Counter(stage.index for stage in stages)
    print(f"storm: {n} sent in {seconds:g} s, {n_sent} acknowledged, {n_dropped} dropped")
    print(
        f"       {len(markers)} came, {feed.n_lost} lost; {len(stages)} stages of {n // 2},"
        f" {sum(c > 1 for c in per.values())} twice, {sum(s.truncated for s in stages)} cut"
    )


def main():
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--mosquitto", default="/usr/sbin/mosquitto")
    options = parser.parse_args()
    calls(options.mosquitto)
    asyncio.run(storm(options.mosquitto, options.seconds))


if __name__ == "__main__":
    main()
