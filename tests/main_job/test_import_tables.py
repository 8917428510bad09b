"""Files of meters and of PTDaemon become recordings from the command line, whole or not at all."""

import json

import pytest
from lab import said, wattstage

from monitor.recording.reader import Recording

CSV = "Time (s),Power (W),U (V)\n" + "".join(f"{k},{100 + k},230\n" for k in range(20))
SPL = "".join(
    f"Time,12-23-2020 10:21:{k:02d}.500,Watts,{40 + k},Volts,228.4,Amps,0.2,PF,0.5,"
    f"Mark,{'testing' if 5 <= k < 15 else 'notset'}\n"
    for k in range(20)
)


def test_a_meter_s_file_becomes_a_recording_with_its_energy(tmp_path):
    path = tmp_path / "meter.csv"
    path.write_text(CSV)
    made = tmp_path / "meter.h5"
    out = said("import", "csv", path, "-o", made, "--start", "2026-03-01T12:00:00Z")
    assert str(made) in out
    facts = json.loads(said("info", made, "--json"))
    assert facts["coverage"] == pytest.approx(1.0)
    assert facts["closed"]
    assert [c["name"] for c in facts["slow_channels"]] == ["U"]
    table = json.loads(said("stages", made, "--json"))
    assert table["total"]["energy_j"] == pytest.approx(sum(range(100, 120)), rel=1e-3)


def test_a_log_of_ptdaemon_becomes_a_recording_with_its_stages(tmp_path):
    path = tmp_path / "spl.txt"
    path.write_text(SPL)
    made = tmp_path / "spl.h5"
    said("import", "ptdaemon", path, "-o", made, "--zone", "Europe/Zurich")
    with Recording(made) as recording:
        assert recording.info.instrument["time zone"] == "Europe/Zurich"
    (stage,) = json.loads(said("stages", made, "--json"))["stages"]
    assert stage["name"] == "testing"
    assert stage["energy_j"] == pytest.approx(sum(40 + k for k in range(5, 15)), rel=1e-3)


@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        ("csv", CSV + "20,x,230\n", "line 22: expected a time and numbers"),
        ("csv", "nothing\n", "is it a CSV file?"),
        ("ptdaemon", SPL + "Time,\n", "line 21: expected a line of a PTDaemon log"),
    ],
)
def test_a_file_that_is_wrong_leaves_nothing(tmp_path, command, text, words):
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    done = wattstage("import", command, path, "-o", tmp_path / "x.h5")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    path, made = tmp_path / "meter.csv", tmp_path / "made.h5"
    path.write_text(CSV)
    made.write_bytes(b"precious")
    done = wattstage("import", "csv", path, "-o", made)
    assert done.returncode == 1
    assert "exists already" in done.stderr
    assert made.read_bytes() == b"precious"


def test_hours_of_a_meter_are_brought_in_as_fast_as_the_disk_takes_them(tmp_path):
    path, made = tmp_path / "long.csv", tmp_path / "long.h5"
    n_rows = 20_000  # at a minute of data a flush this took minutes
    path.write_text("t,P\n" + "".join(f"{k},{100 + k % 7}\n" for k in range(n_rows)))
    said("import", "csv", path, "-o", made, "--start", "2026-03-01")
    with Recording(made) as recording:
        assert recording.coverage == pytest.approx(1.0)
        assert recording.n_blocks == n_rows
