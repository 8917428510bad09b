"""A process that dies, a disk that is full, a file that is read while it grows."""

import contextlib
import errno
import json
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from recording.recording_process import RATE_HZ, SLOW, N
from recording.sessions import info, ramp

from monitor.errors import RecordingError
from monitor.model import Block, Marker, Reading
from monitor.recording import recorder as recorder_module
from monitor.recording.disk import advice, reason
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.recording.stored import Stored
from monitor.recording.writer import Writer


@contextlib.contextmanager
def recording_process(path, n_blocks, what="run"):
    program = Path(__file__).with_name("recording_process.py")
    command = [sys.executable, program, path, str(n_blocks), what]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process):
    """Return the next that the process says."""
    return json.loads(process.stdout.readline())


def is_a_prefix(recording):
    """All up to some place is there once and in order: samples, readings and markers."""
    items = list(recording.items())
    blocks = [item for item in items if isinstance(item, Block)]
    codes = np.concatenate([np.empty((1, 0), np.int32), *(b.codes for b in blocks)], axis=1)
    seqs = [item.seq for item in items if isinstance(item, Marker)]
    readings = [item for item in items if isinstance(item, Reading)]
    return (
        np.array_equal(codes[0], np.arange(codes.shape[1]))
        and [b.start for b in blocks] == [k * N for k in range(len(blocks))]
        and seqs == list(range(len(seqs)))
        and len(seqs) >= len(blocks) - 1  # a marker was given after each block
        and [r.value for r in readings] == list(range(len(readings)))
        and all(r.channel == SLOW[k % 2] for k, r in enumerate(readings))
        and len(readings) >= len(blocks) - 1  # so was a reading
    )


def is_summarised(recording):
    """The summaries of the file are those of its samples, which are their own index."""
    n = recording.n_samples
    if n == 0:
        return True
    summary = recording.summary(0, n)[0]
    view = recording.view(0, n, 100, (), ())
    return (
        isinstance(recording._answers.reduced, Stored)
        and (summary.n, summary.min, summary.max) == (n, 0.0, n - 1)
        and summary.sum == pytest.approx(n * (n - 1) / 2, rel=1e-6)
        and view.high[0].tolist() == (view.edges[1:] - 1).tolist()
    )


@pytest.mark.parametrize("seed", range(4))
def test_after_kill_9_the_file_opens_with_at_most_a_second_lost(tmp_path, seed):
    path = tmp_path / "r.h5"
    n_heard = random.Random(seed).randrange(30 * seed, 30 * seed + 60)
    with recording_process(path, 10_000) as process:
        last = said(process)
        for _ in range(n_heard):
            last = said(process)
        process.kill()
    with Recording(path) as recording:
        assert not recording.closed
        assert is_a_prefix(recording)
        assert is_summarised(recording)
        assert recording.n_samples >= last["safe"]
        assert len(recording.markers) * N >= last["safe"] - N
        assert last["given"] - recording.n_samples <= RATE_HZ


def test_a_file_that_is_being_written_reads_as_what_was_there(tmp_path):
    path = tmp_path / "r.h5"
    seen = []
    with recording_process(path, 150) as process:
        while "error" not in (last := said(process)):
            with Recording(path) as recording:
                assert not recording.closed or recording.n_samples == 150 * N
                assert recording.n_samples >= last["safe"]
                assert is_a_prefix(recording)
                assert is_summarised(recording)
                seen.append(recording.n_samples)
        assert process.wait() == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    with Recording(path) as recording:
        assert recording.closed
        assert recording.n_samples == 150 * N
        assert is_a_prefix(recording)
        assert is_summarised(recording)


def test_a_write_that_fails_ends_the_recording_and_not_the_process(tmp_path):
    path = tmp_path / "r.h5"
    with recording_process(path, 150, "limit") as process:
        while "error" not in (last := said(process)):
            pass
        assert process.wait() == 0
        assert process.stderr.read() == "", "HDF5 would complain, and crash"
    assert f"recording to {path} stopped: the file may not grow any further" in last["error"]
    with Recording(path) as recording:
        assert not recording.closed
        assert recording.n_samples == last["safe"] > 0
        assert is_a_prefix(recording)
        assert is_summarised(recording)


def test_a_drive_that_is_gone_ends_the_recording_and_not_the_process(tmp_path):
    path = tmp_path / "r.h5"
    with recording_process(path, 150, "gone") as process:
        while "error" not in (last := said(process)):
            pass
        assert process.wait() == 0
        assert process.stderr.read() == "", "HDF5 would complain, and crash"
    assert f"recording to {path} stopped: the drive is gone or failed (" in last["error"]
    assert "Check the drive and its connection" in last["error"]
    with Recording(path) as recording:
        assert recording.n_samples == last["safe"] > 0
        assert is_a_prefix(recording)


def test_a_disk_that_never_answers_keeps_neither_who_closes_nor_the_process(tmp_path):
    path = tmp_path / "r.h5"
    with recording_process(path, 200, "hang") as process:
        while "error" not in (last := said(process)):
            pass
        assert last["error"] == (
            f"recording to {path} stopped: the disk has not answered for 0.5 s; what was written"
            " up to then is readable. Check the drive and its connection, and start a new recording"
        )
        assert process.wait(60) == 1
        assert process.stderr.read() == ""
    with Recording(path) as recording:
        assert recording.n_samples == last["safe"] > 0
        assert is_a_prefix(recording)


def test_how_long_a_disk_has_not_answered_is_told_until_it_does(tmp_path, monkeypatch):
    answer, flush = threading.Event(), Writer.flush
    monkeypatch.setattr(recorder_module, "_NOTABLE_S", 0.01)
    monkeypatch.setattr(Writer, "flush", lambda self: answer.wait() and flush(self))
    with Recorder(tmp_path / "r.h5", info(), flush_s=0.01) as recorder:
        recorder.write(ramp(0, 1000))
        while not recorder.state.stalled_s:
            pass
        assert recorder.state.error == ""
        answer.set()
    assert recorder.state.stalled_s == 0.0
    with Recording(tmp_path / "r.h5") as recording:
        assert (recording.n_samples, recording.closed) == (1000, True)


@pytest.mark.parametrize(
    ("error", "told", "to_do"),
    [
        (OSError(errno.EIO, "x"), "the drive is gone or failed (Input/output error)", "connection"),
        (OSError("write failed: errno = 107, error"), "the drive is gone or failed (", "connect"),
        (OSError(errno.ENOSPC, "x"), "the disk is full", "Free some space"),
        (RuntimeError("errno = 28, buf = 0x1"), "the disk is full", "Free some space"),
        (RuntimeError("something\nelse"), "something", "Free some space"),
    ],
)
def test_what_a_disk_says_is_told_in_words_with_what_to_do(error, told, to_do):
    assert reason(error).startswith(told)
    assert to_do in advice(error)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a given size in MiB; only root may mount one."""
    with contextlib.ExitStack() as stack:

        def mount(size_mib, options=""):
            folder = tmp_path / "disk"
            folder.mkdir(exist_ok=True)
            asked = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m{options}", "tmpfs", folder]
            if subprocess.run(asked, capture_output=True, check=False).returncode:
                pytest.skip("may not mount a disk")
            stack.callback(subprocess.run, ["umount", folder], check=True)
            return folder

        yield mount


def test_a_full_disk_ends_the_recording_in_time(small_disk):
    path = small_disk(10) / "r.h5"
    with Recorder(path, info(), flush_s=0.01) as recorder:
        k = 0
        while not recorder.state.error:
            recorder.write(ramp(k, k + 50_000))
            k += 50_000
    assert f"recording to {path} stopped: the disk is full" in recorder.state.error
    assert "is readable" in recorder.state.error
    with Recording(path) as recording:
        assert not recording.closed
        assert recording.n_samples == recorder.state.n_samples > 500_000
        assert list(map(len, (recording.read(0, 10), recording.markers))) == [3, 0]


def test_a_disk_that_is_full_already_gets_no_file(small_disk):
    path = small_disk(1) / "r.h5"
    with pytest.raises(RecordingError, match=r"r\.h5 cannot be made: the disk is full"):
        Recorder(path, info())
    assert not path.exists()


def test_a_disk_that_is_read_only_is_called_so(small_disk):
    path = small_disk(10, ",ro") / "r.h5"
    with pytest.raises(RecordingError, match=r"r\.h5 cannot be made: the disk is read-only"):
        Recorder(path, info())
