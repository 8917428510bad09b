"""A recording leaves for other programs from the command line."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from lab import LIMIT_S, said, wattstage

from monitor.model import Block, Channel, Quantity, Scale, StreamInfo
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

SAMPLE = Path(__file__).parents[2] / "recordings" / "sample.h5"


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jls", "out.wav"])
def test_the_size_is_told_and_the_file_is_made(tmp_path, name):
    out = said("export", SAMPLE, "-o", tmp_path / name, "--range", "0s:0.2s", "--signals", "v,i")
    assert "about" in out
    assert "coverage" in out
    assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("kind", ["--stages", "--clips"])
def test_the_tables_of_a_paper_are_made(tmp_path, kind):
    said("export", kind, SAMPLE, "-o", tmp_path / "table.csv")
    assert "run/clip" in (tmp_path / "table.csv").read_text()


@pytest.mark.parametrize("form", ["csv", "parquet", "jls"])
def test_what_is_exported_is_imported_with_the_same_stages(tmp_path, form):
    out, made = tmp_path / f"x.{form}", tmp_path / "made.h5"
    said("export", SAMPLE, "-o", out, "--codes", "--range", "0s:4s")
    said("import", form, out, "-o", made)
    with Recording(SAMPLE) as a, Recording(made) as b:
        start, stop = b.bounds
        assert stop - start == pytest.approx(40_000, abs=1000)
        assert np.array_equal(a.read(start, stop), b.read(start, stop), equal_nan=True)


def test_what_is_wrong_is_one_sentence(tmp_path):
    done = wattstage("export", SAMPLE, "-o", tmp_path / "out.csv", "--stage", "nothing")
    assert done.returncode == 1
    assert "has no stage 'nothing'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_is_stopped_leaves_no_half_file(tmp_path, how):
    made, out = tmp_path / "long.h5", tmp_path / "out.csv"
    stream = StreamInfo(
        channels=(Channel(name="p", quantity=Quantity.POWER),), sample_rate_hz=1e6, t0_ns=0,
        t0_uncertainty_ns=0, dtype="int8", continuous=True,
    )  # fmt: skip
    with Recorder(made, stream) as recorder:
        codes = np.zeros((1, 20_000_000), np.int8)
        recorder.write(Block(0, codes, (Scale(1.0, 0.0),), (0,), 0, 0))
    command = [sys.executable, "-m", "monitor.cli", "export", str(made), "-o", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not any(path.name == out.name for path in tmp_path.glob(".*/*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(how)
        errors = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode == 1
    assert "the export was stopped" in errors
    assert list(tmp_path.iterdir()) == [made]
