"""A recording that is split is one recording, in several files."""

import errno
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
from monitor.recording import joined, part_name, parts
from monitor.recording.info import info as info_of
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.recording.stored import Stored
from monitor.recording.writer import Writer

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
        assert isinstance(part._answers.reduced, Stored)
        (block, *_) = part.blocks()
        start = part.bounds[0]
        assert start >= 2 * N
        samples = part.read(start, start + N).astype(np.float64)
        assert part.cumulative([start + N])[0][:, 0] == pytest.approx(samples.sum(axis=1))
        assert isinstance(block, Block)
    states = {each.name: each.state for each in verify(path.with_name("r.part3.h5"))}
    assert (states["end"], states["summaries"]) == ("ok", "warn")


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


def record_three(path):
    """Record three blocks, each to be in a file of its own; return the recorder and its blocks."""
    blocks = [ramp(N * k, N * (k + 1)) for k in range(3)]
    with Recorder(path, info(), how=EACH_TIME, flush_s=0.0) as recorder:
        for block in blocks:
            recorder.put(block)
            recorder.drain(0)
    return recorder, blocks


def test_what_looks_like_parts_of_it_is_refused_before_a_recording_begins(tmp_path):
    stale = tmp_path / "r.part7.h5"
    stale.write_bytes(b"precious")
    with pytest.raises(RecordingError, match=r"r\.part7\.h5 is there already.*move it and those"):
        Recorder(tmp_path / "r.h5", info(), how=EACH_TIME)
    assert list(tmp_path.iterdir()) == [stale]
    with Recorder(tmp_path / "r.h5", info()) as recorder:  # never split, so nothing is in its way
        recorder.put(ramp(0, N))
    with Recording(tmp_path / "r.h5") as recording:
        assert recording.closed
        assert recording.lost == ()


def taken_later(monkeypatch, *numbers):
    """Let files appear under the names of parts once a recording has begun."""
    begin, taken = Recorder.__init__, []

    def begun(self, path, *arguments, **options):
        begin(self, path, *arguments, **options)
        for number in numbers:
            taken.append(path.with_name(f"r.part{number}.h5"))
            taken[-1].write_bytes(b"precious")

    monkeypatch.setattr(Recorder, "__init__", begun)
    return taken


def test_a_name_that_is_taken_meanwhile_is_left_out(tmp_path, monkeypatch):
    path = tmp_path / "r.h5"
    taken = taken_later(monkeypatch, 2, 3, 5)
    recorder, blocks = record_three(path)
    assert recorder.state.error == ""
    assert {each.read_bytes() for each in taken} == {b"precious"}
    with Recording(path) as recording:
        assert [each.name for each in recording.files] == ["r.h5", "r.part4.h5", "r.part6.h5"]
        assert recording.closed
        assert recording.lost == ()
        assert all(map(same, recording.items(), blocks))
    taken[0].unlink()
    with Recording(path) as recording:
        assert recording.lost == ()


def test_a_part_after_a_name_that_was_taken_is_missed(tmp_path, monkeypatch):
    path = tmp_path / "r.h5"
    taken_later(monkeypatch, 2)
    record_three(path)
    path.with_name("r.part3.h5").unlink()
    with Recording(path) as recording:
        assert recording.n_files == 2
        assert "part 3 is missing: there is no file" in recording.lost[-1]


def test_a_recording_grows_on_where_no_other_file_can_be_made(tmp_path, monkeypatch, caplog):
    def refuse(path, *arguments, **options):
        if "part" in path.name:
            raise RecordingError("the folder is locked")
        return Writer(path, *arguments, **options)

    monkeypatch.setattr(parts, "Writer", refuse)
    recorder, blocks = record_three(tmp_path / "r.h5")
    assert recorder.state.error == ""
    assert caplog.text.count("goes on in the file that it has: the folder is locked") == 1
    with Recording(tmp_path / "r.h5") as recording:
        assert recording.closed
        assert all(map(same, recording.items(), blocks))


def test_a_part_says_that_another_follows_only_when_it_holds_something(tmp_path, monkeypatch):
    path, flush = tmp_path / "r.h5", Writer.flush

    def full(self):
        if "part2" in self.path.name:
            assert status_of(path) == [0, 0, 0]
            raise OSError(errno.ENOSPC, "no room")
        flush(self)

    monkeypatch.setattr(Writer, "flush", full)
    recorder, _ = record_three(path)
    assert "the disk is full" in recorder.state.error
    assert [each.name for each in tmp_path.iterdir()] == ["r.h5"]
    ended, _, goes_on = status_of(path)
    assert (ended, goes_on) == (0, 0)
    with Recording(path) as recording:
        assert recording.n_samples == recorder.state.n_samples == N
        assert recording.lost == ()


def status_of(path):
    with h5py.File(path, "r", swmr=True) as file:
        return file["status"][:].tolist()


def test_each_part_but_the_last_says_that_another_follows(path):
    with Recording(path) as recording:
        files = recording.files
    found = [status_of(each) for each in files]
    assert found == [[1, 0, 1]] * (len(files) - 1) + [[1, 0, 0]]


def test_the_first_part_alone_tells_that_others_are_missing(path, tmp_path, caplog):
    alone = shutil.copy(path, tmp_path / "alone.h5")
    with Recording(alone) as recording:
        assert (recording.n_files, recording.ended, recording.closed) == (1, True, False)
        (sentence,) = recording.lost
    expected = f"part 2 is missing: there is no file {tmp_path / 'alone.part2.h5'}"
    assert sentence.startswith(expected)
    assert expected in caplog.text
    assert [each.text for each in verify(alone) if each.state == "fail"] == [sentence]


def test_parts_that_are_missing_at_the_end_are_told(path):
    n = n_files_of(path)
    for number in (n, n - 1):
        path.with_name(f"r.part{number}.h5").unlink()
    with Recording(path) as recording:
        assert not recording.closed
        assert f"part {n - 1} is missing" in recording.lost[0]


def test_parts_that_are_missing_together_are_one_sentence(path):
    for number in (3, 4, 5):
        path.with_name(f"r.part{number}.h5").unlink()
    with Recording(path) as recording:
        (sentence,) = recording.lost
    assert sentence.startswith("parts 3 to 5 are missing: there are no files ")
    assert sentence.endswith("r.part3.h5 to r.part5.h5")


def test_parts_from_before_they_told_whether_they_go_on_are_read_as_then(path):
    with Recording(path) as recording:
        files = recording.files
    for each in files:
        with h5py.File(each, "r+") as file:
            del file.attrs["after"]
            ended = file["status"][:2]
            del file["status"]
            file["status"] = ended
    with Recording(path) as recording:
        assert (recording.files, recording.closed) == (files, True)
    files[-1].unlink()
    files[2].unlink()
    with Recording(path) as recording:
        assert recording.lost == (f"part 3 is missing: there is no file {files[2]}",)


def test_a_part_that_claims_to_follow_what_cannot_be_is_left_out(path):
    n = n_files_of(path)
    for after in (-(10**12), n, 10**12):
        with h5py.File(path.with_name(f"r.part{n}.h5"), "r+") as file:
            file.attrs["after"] = after
        with Recording(path) as recording:
            assert recording.n_files == n - 1
            assert f"part {n} is left out" in recording.lost[0]


@pytest.mark.parametrize("step", ["made", "filled", "left"])
def test_no_part_is_missed_at_the_instant_of_a_split(tmp_path, monkeypatch, step):
    """Whoever reads while a file is left for the next sees both, or one that has not ended."""
    path, seen = tmp_path / "r.h5", []

    def look():
        with Recording(path) as recording:
            seen.append((recording.lost, recording.n_samples, recording.n_gaps))

    class Watched(Writer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            if step == "made" and "part" in self.path.name:
                look()

        def flush(self):
            super().flush()
            if step == "filled" and "part" in self.path.name:
                look()

        def close(self, **how):
            super().close(**how)
            if step == "left" and how.get("goes_on"):
                look()

    monkeypatch.setattr(parts, "Writer", Watched)
    record_three(path)
    assert len(seen) >= 2
    assert {(lost, gaps) for lost, _, gaps in seen} == {((), 0)}
    assert all(n % N == 0 and n >= N for _, n, _ in seen)


def test_a_part_that_is_only_being_made_is_not_missed(tmp_path):
    path = tmp_path / "r.h5"
    with Recorder(path, info(), how=EACH_TIME, flush_s=0.0) as recorder:
        recorder.put(ramp(0, N))
        recorder.drain(0)
        tmp_path.joinpath("r.part2.h5").write_bytes(b"")
        with Recording(path) as recording:
            assert recording.lost == ()


def test_a_file_that_is_split_while_its_parts_are_looked_for_is_followed(path, monkeypatch):
    last = max(path.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    hidden = last.rename(path.with_name("hidden"))

    def beside(first):
        found = part_name.parts_beside(first)
        if hidden.exists():
            hidden.rename(last)
        return found

    monkeypatch.setattr(joined, "parts_beside", beside)
    with Recording(path) as recording:
        assert recording.lost == ()
        assert recording.files[-1] == last
