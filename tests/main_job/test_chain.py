"""Scope, broker, engine, file and command line together, as a user has them."""

import json
import os
import platform
import signal
import time

import pytest
from lab import LIMIT_S, bench, recorder, said, served_replay, wattstage

from monitor.engine.client import EngineClient
from monitor.markers.broker import EmbeddedBroker
from monitor.recording.reader import Recording

SCOPE = ("--rate", 20_000, "--record-length", 0.05)
QUICK = ("--speed", 30, "--frames", 17, "--steps", 5)


def wait_until(true, limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Record five seconds of the workload, and keep what the live session said at its end."""
    folder = tmp_path_factory.mktemp("chain")
    path, where = folder / "s.h5", f"ipc://{folder / 'e.ipc'}"
    with EmbeddedBroker() as broker, bench(*QUICK, "--broker", broker.url) as address:
        source = ("--visa", address, "--broker", broker.url, *SCOPE)
        with recorder(where, *source, "-o", path) as process, EngineClient(where) as client:
            client.wait(LIMIT_S)
            wait_until(lambda: client.frame(n_columns=1).snapshot.stop > 3 * 20_000)
            said("mark", "door opened", "--endpoint", where)
            wait_until(lambda: client.frame(n_columns=1).snapshot.stop > 5 * 20_000)
            said("stop", "--endpoint", where)
            assert process.wait(LIMIT_S) == 0
            assert str(path).encode() in process.stdout.read()
    return path


def test_info_tells_what_was_recorded(session):
    facts = json.loads(said("info", session, "--json"))
    assert set(facts) == {
        "schema_version", "start_ns", "duration_s", "sample_rate_hz", "channels", "n_samples",
        "n_blocks", "n_gaps", "coverage", "n_markers", "closed", "slow_channels", "n_files",
        "runs", "lost", "damage", "part", "ended",
    }  # fmt: skip
    assert facts["closed"]
    assert facts["sample_rate_hz"] == pytest.approx(20_000)
    assert [c["unit"] for c in facts["channels"]] == ["V", "A"]
    assert facts["duration_s"] > 4.5
    assert 0.3 < facts["coverage"] <= 1.0
    assert facts["n_markers"] > 5
    (run,) = facts["runs"]
    assert run["hosts"] == [platform.node()]


def test_stages_add_up(session):
    table = json.loads(said("stages", session, "--json"))
    leaves = sum(stage["energy_j"] for stage in table["stages"] if stage["leaf"])
    total = table["total"]["energy_j"]
    assert leaves + table["unattributed"]["energy_j"] == pytest.approx(total, rel=1e-9)
    paths = {stage["path"] for stage in table["stages"]}
    assert any(path.endswith("denoise/denoise_step") for path in paths)
    assert 100 < table["total"]["mean_w"] < 1500


def test_the_tables_read_well_too(session):
    assert "denoise" in said("stages", session, env={**os.environ, "COLUMNS": "120"})
    assert "coverage" in said("info", session)


def test_the_mark_from_the_shell_is_in_the_file(session):
    with Recording(session) as recording:
        notes = [m.attrs["text"] for m in recording.markers if m.stage == "note"]
    assert notes == ["door opened"]


def test_a_replay_shows_the_same_table(session, tmp_path):
    where = f"ipc://{tmp_path / 'r.ipc'}"
    with served_replay(session, where) as client:
        with Recording(session) as recording:
            end = recording.bounds[1]
        wait_until(lambda: client.frame(n_columns=1).snapshot.stop == end)
        replayed = client.table()
    written = json.loads(said("stages", session, "--json"))
    assert replayed.total.energy_j == pytest.approx(written["total"]["energy_j"], rel=1e-9)
    assert [(s.stage.path, s.energy_j) for s in replayed.stages] == [
        (s["path"], pytest.approx(s["energy_j"], rel=1e-9)) for s in written["stages"]
    ]


def test_after_kill_9_the_file_opens_with_at_most_a_second_lost(tmp_path):
    path, where = tmp_path / "k.h5", f"ipc://{tmp_path / 'e.ipc'}"
    with bench("--gap-free") as address:
        source = ("--visa", address, "--broker", "none", *SCOPE)
        with recorder(where, *source, "-o", path) as process, EngineClient(where) as client:
            client.wait(LIMIT_S)
            wait_until(lambda: client.frame(n_columns=1).snapshot.stop > 3 * 20_000)
            seen = client.frame(n_columns=1).snapshot
            process.send_signal(signal.SIGKILL)
            process.wait()
    with Recording(path) as recording:
        assert not recording.closed
        assert recording.bounds[0] == seen.start
        assert seen.stop - recording.bounds[1] <= 20_000
        assert recording.n_gaps == 0
    assert not json.loads(said("info", path, "--json"))["closed"]
    assert wattstage("stages", path).returncode == 0
