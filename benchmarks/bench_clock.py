"""How near markers come to their true time, when the workload's clock is wrong and the way is long.

    python benchmarks/bench_clock.py [--seconds 60] [--offset 3] [--ppm 50] [--jitter-ms 5]

Three processes beside mosquitto: a workload whose clock is ahead and runs away, with the marker
client; a relay between it and the broker that holds back what passes, each way by itself, by a
random time (exponential, of that mean) in which nothing overtakes; and this one, with the engine's
feed and table of stages. The workload writes down the true time of each edge, which is what the
clock of this computer said when its wrong one was read. 60 s are run in 60 s, 30 minutes in 30.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import queue
import random
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from monitor.dsp.clocks import STAGE, Clocks
from monitor.dsp.stages import StageTree
from monitor.markers.feed import MarkerFeed

PERIOD_S = 0.05  # between two stages
EARLY_S = 10.0
WAIT_S = 60.0


def workload(port, seconds, offset_s, ppm, truth):
    """Mark stages by a clock that is wrong, and write down when they were."""
    real_ns = time.time_ns
    zero_ns, read = real_ns(), {}

    def wrong_ns():
        true_ns = real_ns()
        told_ns = true_ns + round(offset_s * 1e9 + ppm * 1e-6 * (true_ns - zero_ns))
        read[told_ns] = true_ns
        return told_ns

    time.time_ns = wrong_ns  # in this process only, and before the client is there to see it
    from monitor.markers import client as module

    module._clock = lambda: "another computer"
    with module.MarkerClient(f"mqtt://127.0.0.1:{port}", run_id="bench") as client:
        end_s, k = time.monotonic() + seconds, 0
        while time.monotonic() < end_s:
            with client.stage("step", index=k):
                time.sleep(PERIOD_S / 2)
            time.sleep(PERIOD_S / 2)
            k += 1
        client.close(10.0)
        lines = [f"{told_ns} {true_ns}\n" for told_ns, true_ns in read.items()]
        Path(truth).write_text("".join(lines), "ascii")
        print(f"workload: {2 * k} edges, {client.n_sent} acknowledged, {client.n_dropped} dropped")


def relay(ready, port, jitter_s):
    """Pass bytes on to a port, late; tell where through a pipe."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ready.send(server.getsockname()[1])
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for source, sink in ((near, far), (far, near)):
                waiting = queue.SimpleQueue()
                threading.Thread(target=take, args=(source, waiting, jitter_s)).start()
                threading.Thread(target=give, args=(sink, waiting)).start()


def take(source, waiting, jitter_s):
    """Queue what comes, with when it is to go on."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            # As the client does, whose acknowledgement the relay's stands for.
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            late_s = random.expovariate(1 / jitter_s) if jitter_s else 0.0
            waiting.put((time.monotonic() + late_s, data))
    waiting.put(None)


def give(sink, waiting):
    """Pass on what is queued when it is due."""
    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        while (item := waiting.get()) is not None:
            time.sleep(max(0.0, item[0] - time.monotonic()))
            sink.sendall(item[1])
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def process(target, *arguments):
    """Run a function in a fresh process, which ends with the block."""
    started = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    started.start()
    try:
        yield started
    finally:
        started.terminate()
        started.join()


@contextlib.contextmanager
def mosquitto(path):
    """Run mosquitto on a free port of loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
        with subprocess.Popen([path, "-c", settings]) as broker:
            try:
                yield port
            finally:
                broker.terminate()


def tell(what, off_ns, bound_ns):
    """Print how far times were from the truth, and how many bounds held."""
    off_ms, bound_ms = np.abs(off_ns) / 1e6, np.asarray(bound_ns) / 1e6
    p50, p95, most = np.quantile(off_ms, [0.5, 0.95, 1.0])
    inside = float(np.mean(off_ms <= bound_ms))
    print(
        f"{what}: error p50 {p50:.3f} ms, p95 {p95:.3f} ms, max {most:.3f} ms;"
        f" bound p50 {np.median(bound_ms):.3f} ms, max {bound_ms.max():.3f} ms;"
        f" {inside:.2%} of {len(off_ms)} inside it"
    )


async def measure(options, folder):
    """Run the workload; return its markers, their times as they came, and the true ones."""
    truth, markers, live, clocks = Path(folder) / "truth", [], {}, Clocks()

    async def pump(feed):
        async for marker in feed:
            markers.append(marker)
            if not clocks.take(marker) and marker.stage == "step":
                live[marker.time_ns] = clocks.time_of(marker)

    ours, theirs = multiprocessing.Pipe()
    with (
        mosquitto(options.mosquitto) as port,
        process(relay, theirs, port, options.jitter_ms / 1e3),
    ):
        far_port = await asyncio.to_thread(ours.recv)
        async with MarkerFeed(f"mqtt://127.0.0.1:{port}") as feed:
            await feed.wait_connected(10.0)
            pumping = asyncio.create_task(pump(feed))
            arguments = (far_port, options.seconds, options.offset, options.ppm, str(truth))
            with process(workload, *arguments) as running:
                await asyncio.to_thread(running.join, options.seconds + WAIT_S)
            await asyncio.sleep(1.0)
            pumping.cancel()
    lines = truth.read_text("ascii").splitlines()
    return markers, live, dict(map(int, line.split()) for line in lines)


def report(markers, live, true_ns):
    """Print the trips of the questions, and the errors as edges came and afterwards."""
    asked = [m.attrs for m in markers if m.stage == STAGE]
    trips_ms = [(a["t3_ns"] - a["t0_ns"] - a["t2_ns"] + a["t1_ns"]) / 1e6 for a in asked]
    p50, p95 = np.quantile(trips_ms, [0.5, 0.95])
    print(
        f"{len(asked)} questions answered, round trip min {min(trips_ms):.2f} ms,"
        f" p50 {p50:.2f} ms, p95 {p95:.2f} ms"
    )
    edges = sorted(true_ns[m.time_ns] for m in markers if m.stage == "step")
    came = np.array([(true_ns[said], at - true_ns[said], of) for said, (at, of) in live.items()])
    is_early = came[:, 0] < edges[0] + EARLY_S * 1e9
    for what, rows in (("first", came[is_early]), ("after", came[~is_early])):
        if len(rows):
            tell(f"live, {what} {EARLY_S:.0f} s", rows[:, 1], rows[:, 2])
    tree = StageTree()
    for marker in markers:
        tree.add(marker)
    stages = [s for s in tree.stages(time.time_ns()) if s.name == "step"]
    placed = sorted(edge for s in stages for edge in (s.start_ns, s.stop_ns))
    bounds = [s.uncertainty_ns for s in stages for _ in range(2)]
    tell("table at the end", np.subtract(placed, edges), bounds)


def main():
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--offset", type=float, default=3.0, help="s that the clock is ahead")
    parser.add_argument("--ppm", type=float, default=50.0, help="by which it runs too fast")
    parser.add_argument("--jitter-ms", type=float, default=5.0, help="mean delay, each way")
    parser.add_argument("--mosquitto", default="/usr/sbin/mosquitto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(*asyncio.run(measure(options, folder)))


if __name__ == "__main__":
    main()
