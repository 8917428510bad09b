"""A recording that is split is one recording, in several files."""

import shutil

import h5py
import numpy as np
import pytest
from recording.sessions import PLUG, WATER, info, note, ramp, reading, same

from monitor.calibration.recordings import correct
from monitor.config import RecordingSettings
from monitor.errors import RecordingError
from monitor.keeping.verify import verify
from monitor.model import Block, Probe, Scale
from monitor.recording.in_memory import InMemory
from monitor.recording.info import info as info_of
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.recording.stored import Stored

OTHER = (Scale(2.0, 0.0), Scale(0.125, 3.0))
EACH_TIME = RecordingSettings(split_hours=1e-12)
N = 7000


def session():
    """Blocks, one after a gap, some of another scale; marks and readings between them."""
    for k in range(12):
        start = k * N + (500 if k > 6 else 0)
        yield ramp(start, start + N, **({"scales": OTHER} if k % 4 == 3 else {}))
        yield note(str(k), seq=k)
        yield reading(float(k), channel=WATER if k % 2 else PLUG)


@pytest.fixture
def path(tmp_path):
    """A recording of a file for each block."""
    path = tmp_path / "r.h5"
    with Recorder(path, info(), how=EACH_TIME, flush_s=0.0) as recorder:
        for item in session():
            recorder.put(item)
            recorder.drain(0)
    assert recorder.state.error == ""
    assert recorder.n_dropped == 0
    assert recorder.state.n_samples == 12 * N
    assert recorder.state.n_bytes == sum(p.stat().st_size for p in tmp_path.iterdir())
    return path


@pytest.fixture
def one_file(tmp_path):
    """The same in one file."""
    whole = tmp_path / "whole.h5"
    with Recorder(whole, info()) as recorder:
        for item in session():
            recorder.put(item)
    return whole


def test_there_are_several_files(path):
    assert len(list(path.parent.iterdir())) > 5
    assert (path.parent / "r.part2.h5").exists()


def test_every_item_comes_back_in_its_order(path):
    with Recording(path) as recording:
        assert recording.n_files > 5
        assert recording.closed
        items = list(recording.items())
    expected = list(session())
    assert len(items) == len(expected)
    assert all(map(same, items, expected))


def test_every_answer_is_that_of_one_file(path, one_file):
    with Recording(path) as recording, Recording(one_file) as whole:
        assert isinstance(recording._answers.reduced, Stored)
        at = np.arange(-100, 13 * N, 777)
        for got, expected in zip(recording.cumulative(at), whole.cumulative(at), strict=True):
            assert got == pytest.approx(expected, rel=1e-12)
        assert recording.summary(300, 70_001) == whole.summary(300, 70_001)
        for start, stop in ((0, 90_000), (6900, 7100), (40_000, 60_000)):
            ours, theirs = (r.view(start, stop, 50, (0.02,), (0.1,)) for r in (recording, whole))
            for name in ("edges", "low", "high", "averages_w", "ramps_w_per_s"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert recording.slow.values(2 * 10**18) == whole.slow.values(2 * 10**18)
        np.testing.assert_array_equal(recording.read(6000, 9000), whole.read(6000, 9000))


def test_a_part_is_a_recording_by_itself(path):
    with Recording(path.with_name("r.part3.h5")) as part:
        assert (part.n_files, part.part) == (1, 3)
        assert isinstance(part._answers.reduced, InMemory)
        (block, *_) = part.blocks()
        start = part.bounds[0]
        assert start >= 2 * N
        samples = part.read(start, start + N).astype(np.float64)
        assert part.cumulative([start + N])[0][:, 0] == pytest.approx(samples.sum(axis=1))
        assert isinstance(block, Block)


def gap_of(recording, part):
    """Return whether the samples of a part are a gap, and nothing else is."""
    start, stop = part
    seen = recording.read(start - 10, stop + 10)[-1]
    return np.isnan(seen[10:-10]).all() and not np.isnan(np.r_[seen[:10], seen[-10:]]).any()


def bounds_of(path):
    with Recording(path) as part:
        return part.bounds


def n_files_of(path):
    with Recording(path) as whole:
        return whole.n_files


def test_a_part_that_is_missing_is_a_gap_and_is_told(path, caplog):
    third, n_files = path.with_name("r.part3.h5"), n_files_of(path)
    hole, whole = bounds_of(third), bounds_of(path)
    third.unlink()
    with Recording(path) as recording:
        assert (recording.n_files, recording.closed) == (n_files - 1, False)
        assert recording.bounds == whole
        assert recording.lost == (f"part 3 is missing: there is no file {third}",)
        assert gap_of(recording, hole)
        assert info_of(recording)["lost"] == list(recording.lost)
    assert "part 3 is missing" in caplog.text
    (found,) = [each for each in verify(path) if each.state == "fail"]
    assert found.text == recording.lost[0]


def test_a_file_of_another_recording_does_not_belong(path):
    n = n_files_of(path)
    shutil.copy(path.with_name("r.part2.h5"), path.with_name(f"r.part{n + 1}.h5"))
    with Recording(path) as recording:
        assert (recording.n_files, recording.closed, recording.lost) == (n, True, ())
    with Recorder(path.with_name("other.h5"), info()) as recorder:
        recorder.put(ramp(0, 10))
    path.with_name("r.part3.h5").unlink()
    path.with_name("other.h5").rename(path.with_name("r.part3.h5"))
    with Recording(path) as recording:
        assert recording.n_files == n - 1
        assert "part 3 is left out" in recording.lost[0]
        assert recording.lost[0].endswith("r.part3.h5 is a file of another recording")


def test_a_damaged_part_is_a_gap_and_is_told(path, caplog):
    n, hole = n_files_of(path), bounds_of(path.with_name("r.part2.h5"))
    with h5py.File(path.with_name("r.part2.h5"), "r+") as file:
        del file["blocks"]
    with Recording(path) as recording:
        assert (recording.n_files, recording.closed) == (n - 1, False)
        assert gap_of(recording, hole)
        assert "part 2 is left out" in recording.lost[0]
        assert "r.part2.h5 is damaged" in recording.lost[0]
    assert "r.part2.h5 is damaged" in caplog.text


def test_parts_are_not_corrected_one_by_one(path):
    for name in ("r.h5", "r.part2.h5"):
        with pytest.raises(RecordingError, match="one of several files"):
            correct(path.with_name(name), {"current": Probe()}, "x")


def test_a_file_is_split_by_its_size(tmp_path):
    path = tmp_path / "r.h5"
    how = RecordingSettings(split_gb=1e-3)
    with Recorder(path, info(), how=how, flush_s=0.0) as recorder:
        for k in range(20):
            recorder.put(ramp(50_000 * k, 50_000 * (k + 1)))
            recorder.drain(0)
    with Recording(path) as recording:
        assert 2 <= recording.n_files <= 8
        assert recording.n_samples == 1_000_000


def test_a_name_that_is_taken_ends_the_recording_in_a_sentence(tmp_path):
    taken = tmp_path / "r.part2.h5"
    taken.write_bytes(b"precious")
    path = tmp_path / "r.h5"
    with Recorder(path, info(), how=EACH_TIME, flush_s=0.0) as recorder:
        for k in range(3):
            recorder.put(ramp(N * k, N * (k + 1)))
            recorder.drain(0)
    assert "r.part2.h5 exists already" in recorder.state.error
    assert taken.read_bytes() == b"precious"
    with Recording(tmp_path / "r.h5") as recording:
        assert recording.n_samples == recorder.state.n_samples == N
