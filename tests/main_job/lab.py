"""Real processes for the tests of the whole chain: bench, broker, engine, command line."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from monitor.engine.client import EngineClient
from monitor.markers.broker import EmbeddedBroker

DATA = Path(__file__).parents[1] / "data" / "gpu_meter"
LIMIT_S = 90.0


def wattstage(*arguments, **options) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "monitor.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, **options
    )


def said(*arguments, **options) -> str:
    """Run a command that must succeed and return what it printed."""
    done = wattstage(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def bench(*arguments):
    """Yield the VISA address of a bench of its own."""
    command = [sys.executable, "-m", "monitor.bench", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield json.loads(process.stdout.readline())["visa"]
        finally:
            process.terminate()
            process.wait(LIMIT_S)


@contextlib.contextmanager
def recorder(endpoint, *arguments):
    """Yield the process of a recording engine."""
    command = [sys.executable, "-m", "monitor.cli", "record", "--quiet", "--endpoint", endpoint]
    with subprocess.Popen([*command, *map(str, arguments)], stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(LIMIT_S)


def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user of their own."""
    return {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "WATTSTAGE_RECORDINGS": str(tmp_path)}


@contextlib.contextmanager
def served_replay(path, endpoint):
    """Yield a client of an engine that replays a recording as fast as allowed."""
    command = [sys.executable, "-m", "monitor.cli", "engine", "--replay", str(path)]
    with subprocess.Popen([*command, "--speed", "100", "--endpoint", endpoint]) as process:
        try:
            with EngineClient(endpoint) as client:
                client.wait(LIMIT_S)
                yield client
                client.shutdown()
            assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()


def played(folder, name, seconds, *options):
    """Return the recording of a capture that is played once, after the recording has begun."""
    path = folder / "capture.h5"
    options = ("--capture", DATA / name, "--no-loop", "--start-delay", 6, *options)
    with EmbeddedBroker() as broker, bench(*options, "--broker", broker.url) as address:
        said(
            "record", "--quiet", "--visa", address, "--broker", broker.url,
            "--seconds", seconds, "--rate", 20_000, "--record-length", 0.05,
            "--endpoint", f"ipc://{folder / 'e.ipc'}", "-o", path,
        )  # fmt: skip
    return path
