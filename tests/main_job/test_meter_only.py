"""A power meter is all there is: bench, record, stages, replay, as a user has them."""

import contextlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from lab import LIMIT_S, said, served_replay, wattstage

from monitor.analysis.stage_table import stage_table
from monitor.bench.load.workload import Workload, WorkloadSettings
from monitor.markers.broker import EmbeddedBroker
from monitor.model import NS
from monitor.recording.reader import Recording

LOAD = WorkloadSettings(speed=10.0, frames=17, steps=5, n_clips=1, texture=0.005)
OPTIONS = ("--speed", 10, "--frames", 17, "--steps", 5, "--clips", 1, "--start-delay", 2)
DELAY_S = 2.0
UPDATE_S = 0.1


@contextlib.contextmanager
def bench(*arguments):
    command = [sys.executable, "-m", "monitor.bench", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(LIMIT_S)


def recorded(folder, seconds, *options):
    """Record a Yokogawa and the markers of the load; return the path and the load's zero."""
    path, settings = folder / "meter.h5", folder / "meter.toml"
    with EmbeddedBroker() as broker:
        told = ("--meter", "yokogawa-wt", "--broker", broker.url, *OPTIONS, *options)
        with bench(*told) as hello:
            settings.write_text(f"""
                [[meters]]
                kind = "yokogawa-wt"
                address = "{hello["meters"]["yokogawa-wt"]}"
                interval_s = {UPDATE_S}
                [markers]
                broker = "{broker.url}"
            """)
            where = f"ipc://{folder / 'e.ipc'}"
            said("record", "--config", settings, "--seconds", seconds, "--quiet",
                 "--endpoint", where, "-o", path)  # fmt: skip
    return path, hello["zero_ns"] / NS + DELAY_S


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Record two at once: one of a sound meter, one of a faulty one."""
    folders = [tmp_path_factory.mktemp(name) for name in ("sound", "faulty")]
    with ThreadPoolExecutor() as pool:
        sound = pool.submit(recorded, folders[0], 6)
        faulty = pool.submit(recorded, folders[1], 4, "--meter-error", "nan")
        return sound.result(), faulty.result()


@pytest.fixture(scope="module")
def session(both):
    return both[0]


@pytest.fixture(scope="module")
def faulty(both):
    return both[1]


def table_of(path):
    return json.loads(said("stages", path, "--json"))


def allowed_j(workload, start_s, stop_s):
    """Return by how much an energy may be off: at each edge two intervals of what changes there."""
    swing_w = 0.0
    for edge_s in (start_s, stop_s):
        near = workload.power(np.linspace(edge_s - 3 * UPDATE_S, edge_s + 3 * UPDATE_S, 601))
        swing_w += near.max() - near.min()
    return 2 * UPDATE_S * swing_w


def test_a_stage_has_the_energy_that_the_load_used_as_well_as_the_updates_tell(session):
    path, zero_s = session
    workload = Workload(LOAD)
    with Recording(path) as recording:
        _, last = recording.bounds
        last_ns = recording.info.time_ns(last)
        every = stage_table(recording, "meter").stages
        # A busy computer begins late, and then the end of the load is not in the file.
        begun = {s.stage.path: s for s in every if s.stage.stop_ns < last_ns}
        first_s = recording.start_ns / NS - zero_s
    assert "run/model_load" in begun
    assert "run/clip/denoise" in {s.stage.path for s in every}
    for path_, used in begun.items():
        start_s = max(used.stage.start_ns / NS - zero_s, first_s)
        stop_s = used.stage.stop_ns / NS - zero_s
        true_j = workload.energy_j(start_s, stop_s)
        limit_j = allowed_j(workload, start_s, stop_s) + 0.005 * true_j
        assert abs(used.energy_j - true_j) <= limit_j, path_
        inside = 1 - used.outside_s / used.duration_s  # of what was before the recording
        assert used.coverage > 0.9 * inside, path_
    assert max(used.duration_s for used in begun.values()) > 0.5


def test_the_recording_says_what_it_is_and_how_much_was_seen(session):
    path, _ = session
    facts = json.loads(said("info", path, "--json"))
    assert [c["unit"] for c in facts["channels"]] == ["W"]
    assert facts["coverage"] > 0.95
    assert {c["unit"] for c in facts["slow_channels"]} == {"V", "A", "VA", "var", "", "Hz"}
    with Recording(path) as recording:
        assert recording.info.instrument["identity"] == "YOKOGAWA WT310E"


def test_a_replay_shows_the_same_table(session, tmp_path):
    path, _ = session
    with served_replay(path, f"ipc://{tmp_path / 'r.ipc'}") as client:
        with Recording(path) as recording:
            end = recording.bounds[1]
        deadline = time.monotonic() + LIMIT_S
        while client.frame(n_columns=1).snapshot.stop < end:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        replayed = client.table()
    written = table_of(path)
    assert [(s.stage.path, s.energy_j) for s in replayed.stages] == [
        (s["path"], pytest.approx(s["energy_j"], rel=1e-9)) for s in written["stages"]
    ]


def test_error_values_are_gaps_with_an_event_and_never_averaged_in(session, faulty):
    path, _ = faulty
    facts = json.loads(said("info", path, "--json"))
    assert 0.6 < facts["coverage"] < 0.9
    with Recording(path) as recording:
        told = [m.attrs["kind"] for m in recording.markers if m.stage == "event"]
        assert {"invalid", "invalid-over"} <= set(told)
    good, bad = (table_of(each[0])["stages"] for each in (session, faulty))
    means = [{s["path"]: s["mean_w"] for s in stages} for stages in (good, bad)]
    assert means[1]["run/model_load"] == pytest.approx(means[0]["run/model_load"], rel=0.1)


def test_a_meter_that_is_not_there_is_one_sentence(tmp_path):
    settings = tmp_path / "meter.toml"
    settings.write_text(
        '[[meters]]\nkind = "yokogawa-wt"\naddress = "TCPIP::127.0.0.1::1::SOCKET"\n'
        '[markers]\nbroker = "none"\n'
    )
    done = wattstage("record", "--config", settings, "--quiet", "-o", tmp_path / "x.h5",
                     "--endpoint", f"ipc://{tmp_path / 'e.ipc'}")  # fmt: skip
    assert done.returncode == 1
    assert "no instrument answers at TCPIP::127.0.0.1::1::SOCKET" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.h5").exists()
