"""A capture becomes a recording with its energy and its markers, whole or not at all."""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fakes import ListSource, dc_block
from lab import DATA, LIMIT_S, said, wattstage

from monitor.cli import importing
from monitor.errors import RecordingError
from monitor.recording.reader import Recording
from monitor.sources.elmorlabs import load

FIGURES = {  # energy in J, markers
    "3090_TR": (3715.56, 3),
    "A5000_TR": (2058.19, 3),
    "5050_3090": (2693.44, 161),
}


def energy_of_the_raw_file(folder):
    """Return the time-weighted sum of p * dt: each reading holds until the next."""
    capture = load(folder)
    power_w = (capture.volts * capture.amps).sum(axis=0)
    return float((power_w[:-1] * np.diff(capture.time_s)).sum())


def import_to(path, *options, capture="3090_TR", **how):
    return wattstage("import", "elmorlabs-pmd", DATA / capture, "-o", path, *options, **how)


def refused(done, *words):
    text = done.stderr.strip()
    assert done.returncode == 1, text
    assert "Traceback" not in text
    assert len(text.splitlines()) == 1, text
    for word in words:
        assert str(word) in text, text


@pytest.mark.parametrize("capture", FIGURES)
def test_an_imported_capture_keeps_its_energy_and_its_markers(tmp_path, capture):
    path = tmp_path / "out.h5"
    assert str(path) in said("import", "elmorlabs-pmd", DATA / capture, "-o", path)
    energy_j, n_markers = FIGURES[capture]
    with Recording(path) as recording:
        start, stop = recording.bounds
        sums, n = recording.cumulative([stop])
        rate_hz = recording.info.sample_rate_hz
        assert recording.closed
        assert n[0] == stop - start
        assert len(recording.markers) == n_markers
        assert all(
            recording.start_ns <= marker.time_ns < recording.info.time_ns(stop)
            for marker in recording.markers
        )
    assert energy_of_the_raw_file(DATA / capture) == pytest.approx(energy_j, abs=0.01)
    assert sums[-1, 0] / rate_hz == pytest.approx(energy_j, rel=1e-3)


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    path = tmp_path / "out.h5"
    path.write_bytes(b"precious")
    refused(import_to(path), path, "exists already")
    assert path.read_bytes() == b"precious"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    refused(import_to(tmp_path / "none" / "out.h5"), tmp_path / "none", "make it first")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_read_only_is_named(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.chmod(0o500)  # not root, for whom this would be no obstacle
        refused(import_to(folder / "out.h5"), folder, "you may not write")
        folder.chmod(0o700)
        return
    try:
        refused(import_to(folder / "out.h5"), folder / "out.h5", "read-only")
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_file_that_may_not_grow_is_removed(tmp_path):
    path = tmp_path / "out.h5"
    limit = 120_000_000  # of 224 MB
    done = import_to(
        path, "--rate", 1e6,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    refused(done, path, "may not grow")
    assert not path.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_is_interrupted_leaves_no_file(tmp_path, number):
    path = tmp_path / "out.h5"
    command = [sys.executable, "-m", "monitor.cli", "import", "elmorlabs-pmd", DATA / "3090_TR"]
    with subprocess.Popen(
        [*command, "--rate", "1e6", "-o", path], stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + LIMIT_S
        while not path.exists() or path.stat().st_size < 10_000_000:
            assert process.poll() is None
            assert time.monotonic() < deadline
            os.sched_yield()
        process.send_signal(number)
        text = process.communicate(timeout=LIMIT_S)[1]
    assert process.returncode != 0
    assert "Traceback" not in text
    assert "was stopped" in text
    assert not path.exists()


def capture_of(monkeypatch, *starts, error=None):
    """Let every capture consist of blocks that begin there."""
    source = ListSource([dc_block(start, 100.0) for start in starts], error=error)
    monkeypatch.setattr(importing, "CaptureSource", lambda *_, **__: source)
    return source


@pytest.fixture
def source(monkeypatch):
    """A capture that turns out to be bad after its first blocks."""
    error = RecordingError("the capture ends in a reading")
    return capture_of(monkeypatch, 0, 1000, 2000, error=error)


def bring_in(folder, path):
    importing.import_elmorlabs(folder, path)


def test_a_capture_that_fails_midway_leaves_no_file(tmp_path, source):
    with pytest.raises(RecordingError, match="ends in a reading"):
        bring_in(tmp_path, tmp_path / "out.h5")
    assert source.left
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_stops_midway_leaves_no_file(tmp_path, monkeypatch):
    capture_of(monkeypatch, 0, 1000, 1000)
    with pytest.raises(RecordingError, match=r"overlaps .*out\.h5 was removed$"):
        bring_in(tmp_path, tmp_path / "out.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_never_removes_a_file_of_somebody_else(tmp_path, source):
    path = tmp_path / "out.h5"
    path.write_bytes(b"precious")
    with pytest.raises(RecordingError, match="exists already"):
        bring_in(tmp_path, path)
    assert source.left
    assert path.read_bytes() == b"precious"
