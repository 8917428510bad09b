"""What becomes of an engine when a view of it is closed."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab import LIMIT_S, bench, environment, recorder, said

from monitor.engine.client import EngineClient
from monitor.errors import EngineError
from monitor.recording.reader import Recording

SAMPLE = Path(__file__).parents[2] / "recordings" / "sample.h5"


def is_there(where) -> bool:
    with EngineClient(where, timeout_s=0.5) as client:
        try:
            client.hello()
        except EngineError:
            return False
    return True


def test_an_engine_that_records_nothing_ends_with_its_view(tmp_path):
    where = f"ipc://{tmp_path / 'e.ipc'}"
    with bench() as address:
        said(
            "watch", "--terminal", "--visa", address, "--broker", "none", "--endpoint", where,
            "--seconds", 2, env=environment(tmp_path),
        )  # fmt: skip
        assert not is_there(where)


def test_an_engine_that_records_goes_on_without_its_view(tmp_path):
    where = f"ipc://{tmp_path / 'e.ipc'}"
    out = tmp_path / "kept.h5"
    with bench() as address:
        command = [sys.executable, "-m", "monitor.cli", "watch", "--terminal", "--seconds", "5"]
        command += ["--visa", address, "--broker", "none", "--endpoint", where]
        # No pipes: the engine that stays would hold them open.
        watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with EngineClient(where) as client:
            client.wait(30.0)
            while client.frame(n_columns=1).snapshot.metrics is None:
                time.sleep(0.05)
            client.start_recording(str(out))
        assert watching.wait(30.0) == 0
        assert is_there(where)
        said("stop", "--endpoint", where)
    with Recording(out) as recording:
        assert recording.closed
        assert recording.n_samples > 0


def test_a_window_that_is_attached_leaves_the_recording_alone(tmp_path):
    where = f"ipc://{tmp_path / 'e.ipc'}"
    out, picture = tmp_path / "r.h5", tmp_path / "window.png"
    offscreen = {**environment(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    with bench() as address:
        source = ("--visa", address, "--broker", "none", "-o", out)
        with recorder(where, *source, "--seconds", 8) as process, EngineClient(where) as client:
            client.wait(30.0)
            said(
                "watch", "--attach", "--endpoint", where, "--seconds", 3, "--picture", picture,
                env=offscreen,
            )  # fmt: skip
            assert process.poll() is None
            assert process.wait(60.0) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    with Recording(out) as recording:
        assert recording.closed
        assert recording.duration_s >= 8


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_the_command_closes_its_window(how, tmp_path):
    picture = tmp_path / "window.png"
    command = [sys.executable, "-m", "monitor.cli", "watch", str(SAMPLE)]
    command += ["--picture", str(picture)]
    env = {**environment(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(command, env=env) as process:
        while not any(map(_hears_terminations, _children(process.pid))):
            assert process.poll() is None
            time.sleep(0.05)
        window = _children(process.pid)[0]
        process.send_signal(how)
        assert process.wait(LIMIT_S) == 0
    assert not Path(f"/proc/{window}").exists()
    assert picture.exists()


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _hears_terminations(pid):
    (caught,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
