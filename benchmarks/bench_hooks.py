"""What the hooks add to the calls of a program, all of it: not only the marker that they make.

    python benchmarks/bench_hooks.py [--mosquitto PATH] [--python PYTHON]

Each row is a call of the program with a hook on it, less the same call without, at the same pace:
the wrapper, the hook, its markers, torch's way to forward hooks. Back to back, and after 2 ms of
other work, when caches are cold; ``nothing`` is a call that only makes a dict. By the clock, and of
the processor, which others share. With a PYTHON that has torch, numpy and paho-mqtt, it is done
there, and the models are torch's.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[1]
PAUSE_S = 0.002
ROWS = (("back to back", 0.0, 3000), ("after 2 ms of work", PAUSE_S, 1000))
CONFIG = {
    "resolution": "256px", "num_frames": 129, "prompt": "raining, sea", "save_dir": "samples",
    "sampling_option": {"num_steps": 50, "guidance": 7.5}, "plugin_config": {"sp_size": 8},
}  # fmt: skip


def worker():
    """Return what keeps the processor and its caches busy with something else."""
    import numpy as np

    matrix = np.random.default_rng(1).random((200, 200), np.float32)

    def work(seconds):
        end_s = time.perf_counter() + seconds
        while time.perf_counter() < end_s:
            matrix @ matrix

    return work


def module():
    """Return a model that does nothing, of torch if it is there."""
    with contextlib.suppress(ImportError):
        from torch import nn

        return nn.Identity()

    class Plain:
        def __init__(self):
            self.before = []

        def register_forward_pre_hook(self, hook):
            self.before.append(hook)
            return SimpleNamespace(remove=lambda: self.before.remove(hook))

        register_forward_hook = register_forward_pre_hook

        def __call__(self, x):
            for hook in self.before:
                hook(self, (x,))
            return x

    return Plain()


def cases(tracker):
    """Return by name: a call with a hook, the same without, and what to do after each pair."""
    from monitor.workload.calls import wrapped
    from monitor.workload.forward_hooks import hooked
    from monitor.workload.opensora import OpenSora
    from monitor.workload.steps import Steps

    stages = OpenSora(tracker)
    model, bare = module(), module()
    steps = Steps(tracker, 50, timesteps=[1 - k / 1e6 for k in range(1_000_000)])

    def same(x=None, **_):
        return x

    def of(name):
        return wrapped(same, stages.hook(name), tracker.failed)

    option = SimpleNamespace(height=192, width=336, num_frames=129, num_steps=50, guidance=7.5)
    stack = contextlib.ExitStack()
    stack.enter_context(hooked(model, before=steps.before_call))
    span = None

    def begin():
        nonlocal span
        span = tracker.open("denoise_step", index=1, total=50, timestep=0.5)

    save, decode, clip, configure = map(of, ("save", "decode", "generate", "configure"))
    yield "nothing", lambda: {"stage": "step", "time": time.time_ns(), "index": 1}, same
    yield "marker, begin", begin, same, lambda: tracker.close(span)
    yield "markers, begin and end", lambda: tracker.close(tracker.open("step", index=1)), same
    yield "hook of a stage", of(":save.encode"), same
    yield "hook of a save", lambda: save("x", saving=True), same
    yield "hook of a decode", lambda: decode(bare), lambda: same(bare)
    yield "hook of a step (forward hook)", lambda: model(1), lambda: bare(1)
    stack.close()
    steps.close()
    yield "hook of a clip", lambda: clip(opt=option, text=["sea"]), same
    yield "hook of the configuration", lambda: configure(CONFIG), lambda: same(CONFIG)


def took(call):
    """Return what a call takes in ns: by the clock, and of the processor, which others share."""
    begin_ns = time.thread_time_ns(), time.perf_counter_ns()
    call()
    end_ns = time.perf_counter_ns(), time.thread_time_ns()
    return end_ns[0] - begin_ns[1], end_ns[1] - begin_ns[0]


def measure(url):
    """Print the table."""
    from monitor.markers.client import MarkerClient
    from monitor.workload.timing import make_timing
    from monitor.workload.tracker import Tracker

    work = worker()
    for what, pause_s, n in ROWS:
        tracker = Tracker(MarkerClient, make_timing("host"))
        print(f"{what}, {n} calls each")
        for name, call, plain, *after in cases(tracker):
            client = MarkerClient(url)
            tracker._client = client
            took_ns = []
            for _ in range(n):
                work(pause_s)
                ours = took(call)
                for do in after:
                    do()
                work(pause_s)
                took_ns.append([a - b for a, b in zip(ours, took(plain), strict=True)])
            client.close(10.0)
            clock, processor = (
                [cut / 1e3 for cut in statistics.quantiles(column, n=100)]
                for column in zip(*took_ns, strict=True)
            )
            print(
                f"  {name:30} p50 {clock[49]:6.1f} us, p99 {clock[98]:7.1f} us by the clock;"
                f" {processor[49]:6.1f}, {processor[98]:6.1f} us of the processor;"
                f" {client.n_dropped} markers dropped"
            )


@contextlib.contextmanager
def mosquitto(path):
    """Run mosquitto, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
        with subprocess.Popen([path, "-c", settings]) as process:
            time.sleep(0.3)
            try:
                yield f"mqtt://127.0.0.1:{port}"
            finally:
                process.terminate()


def main():
    """Measure, here or in another Python."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mosquitto", default="/usr/sbin/mosquitto")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.url:
        measure(options.url)
        return
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))
    with mosquitto(options.mosquitto) as url:
        subprocess.run(
            [options.python, __file__, "--url", url],
            check=True, env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip


if __name__ == "__main__":
    main()
