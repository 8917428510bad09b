"""A broker of our own, and a host with a fake GPU and a fake tree of RAPL zones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.markers.broker import EmbeddedBroker

FAKES = Path(__file__).with_name("fakes")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker(0) as running:
        yield running


@pytest.fixture
def prefix(request):
    """First level of the topics of this test alone."""
    return f"t{abs(hash(request.node.nodeid))}"


@pytest.fixture
def command():
    """Start a wattstage command on a host with so many fake GPUs; it is ended afterwards."""
    started = []

    def start(*words, gpus="1", **more):
        env = {**os.environ, "WATTSTAGE_FAKE_GPUS": gpus}
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(FAKES)])
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor.cli", *map(str, words)],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
