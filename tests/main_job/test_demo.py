"""What ``scripts/start`` runs: bench, broker, workload, engine and a view, in one command."""

import re
import subprocess
import sys
import time

from lab import LIMIT_S, environment

from monitor.engine.client import EngineClient
from monitor.errors import EngineError
from monitor.recording.reader import Recording

COMMAND = [sys.executable, "-m", "monitor.cli"]


def test_the_demo_records_marks_and_tells_where(tmp_path):
    env, path = environment(tmp_path), tmp_path / "demo.h5"
    command = [*COMMAND, "demo", "--terminal", "--seconds", "8", "-o", str(path)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as demo:
        endpoint = f"ipc://{tmp_path}/wattstage/engine-{demo.pid}.ipc"
        end_s = time.monotonic() + LIMIT_S
        while not is_there(endpoint):
            assert time.monotonic() < end_s, "no engine"
        said = subprocess.run([*COMMAND, "mark", "door opened"], env=env, check=True)
        assert said.returncode == 0
        told, _ = demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 0
    assert f"recorded {path}" in told
    assert re.search(r"^ run \(cut\) .* k?J ", told, re.MULTILINE)
    with Recording(path) as recording:
        assert recording.closed
        assert recording.duration_s > 5.0
        assert {"run", "model_load"} <= {marker.stage for marker in recording.markers}
        assert "door opened" in [marker.attrs.get("text") for marker in recording.markers]


def is_there(endpoint):
    try:
        with EngineClient(endpoint) as client:
            client.wait(1.0)
    except EngineError:
        return False
    return True
