"""Bursts on this computer, while an engine records a load that knows nothing of them."""

import pytest
from lab import bench, recorder, said, wattstage

from monitor.engine.client import EngineClient
from monitor.markers.broker import EmbeddedBroker
from monitor.recording.reader import Recording


@pytest.fixture
def recording_of(tmp_path):
    """Yield the file, the endpoint and the broker of an engine that records the bench."""
    path, where = tmp_path / "s.h5", f"ipc://{tmp_path / 'e.ipc'}"
    with EmbeddedBroker() as broker, bench("--supply", "dc") as address:
        source = ("--visa", address, "--broker", broker.url, "--rate", 10_000)
        with recorder(where, *source, "-o", path):
            with EngineClient(where) as client:
                client.wait(30.0)
            yield path, where, broker.url


def test_bursts_are_marked_and_a_load_that_is_not_theirs_is_refused(tmp_path, recording_of):
    path, where, broker = recording_of
    burst = ("align", "--burst", "cpu", "--seconds", 3, "--broker", broker)
    done = wattstage(*burst, "--endpoint", where)
    assert done.returncode == 1
    assert "expected power that follows the stages 'burst', got a correlation of" in done.stderr
    elsewhere = said(*burst, "--endpoint", f"ipc://{tmp_path / 'none.ipc'}")
    assert "no engine that records runs on this computer" in elsewhere
    with EngineClient(where) as client:
        client.stop_recording()
    with Recording(path) as recording:
        bursts = [s for s in recording.stage_tree.stages(1 << 62) if s.name == "burst"]
    assert len(bursts) >= 8
    assert not any(each.truncated for each in bursts)
    assert all(0.14 < (each.stop_ns - each.start_ns) / 1e9 < 2.0 for each in bursts)


def test_what_cannot_be_done_is_said(tmp_path):
    assert "expected a recording, or bursts to make" in wattstage("align").stderr
    assert "bursts are made on cpu or gpu" in wattstage("align", "--burst", "tpu").stderr
    assert "PyTorch" in wattstage("align", "--burst", "gpu").stderr
    assert "there is no file" in wattstage("align", tmp_path / "none.h5").stderr
