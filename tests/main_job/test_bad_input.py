"""Everything that can be wrong is one sentence, an exit code, and nothing half-written."""

import json
import resource
import socket
import subprocess
import sys
import time

import pytest
from lab import DATA, bench, wattstage


@pytest.fixture
def dead_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def refused(done, *words, code=1):
    text = done.stderr.strip()
    assert done.returncode == code, text
    assert "Traceback" not in text
    assert len(text.splitlines()) == 1, text
    for word in words:
        assert word in text, text


def record(tmp_path, *arguments):
    out = tmp_path / "out.h5"
    where = f"ipc://{tmp_path / 'e.ipc'}"
    done = wattstage("record", "--seconds", 1, "-o", out, "--endpoint", where, *arguments)
    assert not out.exists()
    assert not (tmp_path / "e.ipc").exists()
    return done


def test_an_address_where_nothing_listens(tmp_path, dead_port):
    address = f"TCPIP::127.0.0.1::{dead_port}::SOCKET"
    refused(record(tmp_path, "--visa", address, "--broker", "none"), address)


def test_an_address_that_is_none(tmp_path):
    refused(record(tmp_path, "--visa", "the scope", "--broker", "none"), "the scope")


def test_no_instrument_at_all(tmp_path):
    refused(record(tmp_path), "--visa ADDRESS or --config FILE")


def test_an_input_that_the_scope_does_not_have(tmp_path):
    with bench() as address:
        done = record(tmp_path, "--visa", address, "--broker", "none", "--current", 9)
    refused(done, "9")


def test_a_clamp_that_is_scaled_twice(tmp_path):
    with bench() as address:
        done = record(tmp_path, "--visa", address, "--broker", "none", "--amps-per-volt", 10)
    refused(done, "input 2")


def test_a_broker_that_is_not_there(tmp_path, dead_port):
    broker = f"mqtt://127.0.0.1:{dead_port}"
    done = record(tmp_path, "--visa", "TCPIP::127.0.0.1::1::SOCKET", "--broker", broker)
    refused(done, str(dead_port))


def test_a_broker_url_that_is_none(tmp_path):
    done = record(tmp_path, "--visa", "TCPIP::127.0.0.1::1::SOCKET", "--broker", "ftp://x")
    refused(done, "ftp://x", "mqtt://")


def test_a_bad_settings_file(tmp_path):
    config = tmp_path / "bad.toml"
    config.write_text("[instrument]\nadress = 1\n")
    refused(record(tmp_path, "--config", config), str(config), "adress")


@pytest.mark.parametrize("command", ["info", "stages"])
def test_a_file_that_is_not_there(tmp_path, command):
    refused(wattstage(command, tmp_path / "none.h5"), "none.h5")


@pytest.mark.parametrize("command", ["info", "stages"])
def test_a_file_that_is_not_ours(tmp_path, command):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    refused(wattstage(command, path), "notes.txt")


def test_a_folder_that_cannot_be_written(tmp_path):
    with bench() as address:
        done = wattstage(
            "record", "--visa", address, "--broker", "none", "--seconds", 1,
            "-o", tmp_path / "none" / "out.h5", "--endpoint", f"ipc://{tmp_path / 'e.ipc'}",
        )  # fmt: skip
    refused(done, "none/out.h5")


def test_a_file_that_exists(tmp_path):
    out = tmp_path / "out.h5"
    out.write_bytes(b"precious")
    done = wattstage("record", "--visa", "TCPIP::127.0.0.1::1::SOCKET", "-o", out)
    refused(done, "out.h5", "exists")
    assert out.read_bytes() == b"precious"


def test_a_capture_folder_that_is_none(tmp_path):
    out = tmp_path / "out.h5"
    refused(wattstage("import", "elmorlabs-pmd", tmp_path, "-o", out), "PMD_data.bin")
    assert not out.exists()


def test_a_capture_that_is_cut_in_a_record(tmp_path):
    folder = tmp_path / "cut"
    folder.mkdir()
    for name in ("PMD_start_ts.txt", "timestamps.csv"):
        (folder / name).write_bytes((DATA / "3090_TR" / name).read_bytes())
    (folder / "PMD_data.bin").write_bytes((DATA / "3090_TR" / "PMD_data.bin").read_bytes()[:1001])
    refused(wattstage("import", "elmorlabs-pmd", folder, "-o", tmp_path / "o.h5"), "PMD_data.bin")
    assert not (tmp_path / "o.h5").exists()


@pytest.mark.parametrize("command", [("mark", "hello"), ("stop",), ("watch", "--attach")])
def test_no_engine_to_talk_to(tmp_path, command):
    where = f"ipc://{tmp_path / 'none.ipc'}"
    refused(wattstage(*command, "--endpoint", where), "none.ipc", "wattstage record")


def test_a_disk_that_takes_no_more_ends_the_recording_and_leaves_it_readable(tmp_path):
    out = tmp_path / "out.h5"
    with bench("--gap-free") as address:
        done = wattstage(
            "record", "--quiet", "--visa", address, "--broker", "none", "--seconds", 30,
            "--rate", 100_000, "--record-length", 0.1, "-o", out,
            "--endpoint", f"ipc://{tmp_path / 'e.ipc'}",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "may not grow" in done.stderr
    assert str(out) in done.stderr
    facts = json.loads(wattstage("info", out, "--json").stdout)
    assert facts["n_samples"] > 10_000


def test_an_instrument_that_goes_away_is_told_and_what_came_is_kept(tmp_path):
    out = tmp_path / "out.h5"
    with bench() as address:
        command = [sys.executable, "-m", "monitor.cli", "record", "--quiet", "--broker", "none"]
        command += ["--visa", address, "--seconds", "4", "-o", str(out)]
        command += ["--endpoint", f"ipc://{tmp_path / 'e.ipc'}"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while not out.exists():
            time.sleep(0.01)
        time.sleep(1.0)
    text = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "Traceback" not in text
    assert "4 s were asked for" in text
    assert str(out) in text
    facts = json.loads(wattstage("info", out, "--json").stdout)
    assert facts["closed"]
    assert 0 < facts["duration_s"] < 4
