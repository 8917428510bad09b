"""The recorder never waits, never raises, and leaves no rubbish."""

import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from recording.sessions import PLUG, SCALES, WATER, info, note, ramp, reading

from monitor.errors import RecordingError
from monitor.model import Block, Edge, Marker
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

GPU = msgspec.structs.replace(PLUG, name="GPU")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.h5"


def test_a_file_that_exists_is_not_overwritten(path):
    path.write_bytes(b"precious")
    with pytest.raises(RecordingError, match=r"r\.h5 exists already"):
        Recorder(path, info())
    assert path.read_bytes() == b"precious"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"no folder .*none; make it first"):
        Recorder(tmp_path / "none" / "r.h5", info())


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(RecordingError, match="no folder"):
        Recorder(tmp_path / "f" / "r.h5", info())


@pytest.mark.parametrize(
    "changes", [{"dtype": "float32"}, {"dtype": "?!"}, {"sample_rate_hz": float("nan")}]
)
def test_a_stream_that_could_not_be_read_back_is_refused(path, changes):
    with pytest.raises(RecordingError, match="this stream cannot be recorded"):
        Recorder(path, info(**changes))
    assert not path.exists()


def test_a_recording_without_a_block_is_removed(path):
    with Recorder(path, info()) as recorder:
        recorder.mark(note("hello"))
    assert not path.exists()
    assert recorder.state.error == ""


def test_the_state_tells_how_it_is_doing(path):
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 1000))
        assert recorder.state.path == str(path)
        assert recorder.state.queued_s in (0.0, 0.1)
    state = recorder.state
    assert (state.n_samples, state.queued_s, state.error) == (1000, 0.0, "")
    assert state.n_bytes == path.stat().st_size


def test_what_is_older_than_a_flush_is_safe(path):
    with Recorder(path, info(), flush_s=0.02) as recorder:
        recorder.write(ramp(0, 1000))
        waited = threading.Event()
        while recorder.state.n_samples == 0:  # of another thread
            assert not waited.wait(0.005)


def test_a_disk_that_is_too_slow_ends_the_recording_and_keeps_what_came_before(path):
    with Recorder(path, info(), max_queue_bytes=5000) as recorder:
        recorder.write(ramp(0, 1000))
        for k in range(1000, 20_000, 1000):
            recorder.write(ramp(k, k + 1000))
        recorder.mark(note("too late"))
        error = recorder.state.error
    assert "behind the instrument" in error
    assert str(path) in error
    assert "is readable" in error
    assert len(error.splitlines()) == 1
    with Recording(path) as recording:
        n = recording.n_samples
        assert recording.bounds == (0, n)
        assert not recording.closed
    assert n == recorder.state.n_samples
    assert recorder.n_dropped == 20 - n // 1000 + 1


def test_an_overlap_is_a_sentence_and_the_file_stays_good(path):
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 1000))
        recorder.write(ramp(999, 2000))
        recorder.write(ramp(2000, 3000))
    assert "block from sample 999 overlaps those up to 1000" in recorder.state.error
    assert recorder.n_dropped == 2
    with Recording(path) as recording:
        assert recording.bounds == (0, 1000)
        assert not recording.closed


@pytest.mark.parametrize(
    "block",
    [
        ramp(0, 10, dtype="int32"),
        Block(0, np.zeros((3, 10), "int16"), SCALES, (0, 0), 0, 0),
        Block(0, np.zeros(10, "int16"), SCALES, (0, 0), 0, 0),
        Block(0, np.zeros((2, 10), "int16"), SCALES[:1], (0, 0), 0, 0),
        Block(0, np.zeros((2, 10), "int16"), SCALES, (0,), 0, 0),
        Block(0, np.zeros((2, 10), "int16"), SCALES, (0, 0), 2**70, 0),
        Block(2**70, np.zeros((2, 10), "int16"), SCALES, (0, 0), 0, 0),
    ],
    ids=["type", "channels", "shape", "scales", "clipped", "host time", "index"],
)
def test_a_block_that_does_not_belong_never_raises_and_leaves_nothing(path, block):
    with Recorder(path, info()) as recorder:
        recorder.write(block)
    assert recorder.state.error
    assert recorder.n_dropped == 1
    assert not path.exists()


def test_a_marker_that_is_no_json_is_left_out_and_counted(path, caplog):
    bad = msgspec.structs.replace(note(""), attrs={"x": [1, 2]})
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 10))
        recorder.mark(bad)
        recorder.mark(note("good"))
    assert recorder.n_dropped == 1
    assert "cannot be recorded" in caplog.text
    with Recording(path) as recording:
        assert [m.attrs["text"] for m in recording.markers] == ["good"]


@pytest.mark.parametrize(
    "bad",
    [
        reading(float("nan")),
        reading(float("inf")),
        reading(1.0, channel=msgspec.structs.replace(PLUG, note=3)),
    ],
)
def test_what_is_no_reading_is_left_out_and_counted(path, bad, caplog):
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 10))
        recorder.add(bad)
        recorder.add(reading(2.0))
    assert recorder.n_dropped == 1
    assert "a reading cannot be recorded" in caplog.text
    with Recording(path) as recording:
        assert [r.value for r in recording.slow] == [2.0]


def test_a_channel_is_known_before_its_first_reading(path):
    with Recorder(path, info()) as recorder:
        recorder.announce((PLUG,))
        recorder.write(ramp(0, 10))
        recorder.add(reading(2.0, channel=WATER))
        recorder.announce((PLUG, GPU))
    assert recorder.n_dropped == 0
    with Recording(path) as recording:
        counts = list(recording.slow.counts())
    assert counts == [(PLUG, 0), (WATER, 1), (GPU, 0)], "in the order in which they became known"


def test_a_channel_that_could_not_be_read_back_is_left_out(path, caplog):
    with Recorder(path, info()) as recorder:
        recorder.announce((msgspec.structs.replace(PLUG, note=3), WATER))
        recorder.write(ramp(0, 10))
    assert "a channel cannot be recorded" in caplog.text
    with Recording(path) as recording:
        assert recording.slow.channels == (WATER,)


def test_channels_alone_make_no_recording(path):
    with Recorder(path, info()) as recorder:
        recorder.announce((PLUG,))
    assert not path.exists()


def test_what_comes_after_the_end_is_counted(path):
    recorder = Recorder(path, info())
    recorder.write(ramp(0, 10))
    recorder.close()
    recorder.close()
    recorder.write(ramp(10, 20))
    recorder.mark(note("late"))
    assert recorder.n_dropped == 2
    assert recorder.state.n_samples == 10


def test_a_file_that_is_removed_meanwhile_is_noticed(path):
    with Recorder(path, info(), flush_s=0.01) as recorder:
        recorder.write(ramp(0, 10))
        path.unlink()
        waited = threading.Event()
        k = 10
        while not recorder.state.error:  # of another thread
            recorder.write(ramp(k, k + 10))
            k += 10
            assert not waited.wait(0.005)
    assert "the file was removed" in recorder.state.error
    assert not path.exists()


def test_a_file_that_is_renamed_meanwhile_is_whole(path, tmp_path):
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 10))
        path.rename(tmp_path / "other.h5")
        recorder.write(ramp(10, 20))
    with Recording(tmp_path / "other.h5") as recording:
        assert recording.bounds == (0, 20)


def test_many_threads_may_give_marks(path):
    def give(k):
        for i in range(50):
            recorder.mark(note(f"{k}", seq=i))

    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 10))
        threads = [threading.Thread(target=give, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Recording(path) as recording:
        for k in range(4):
            seqs = [m.seq for m in recording.markers if m.attrs["text"] == str(k)]
            assert seqs == list(range(50))


def test_nothing_stays_open(path):
    before = set(Path("/proc/self/fd").iterdir())
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 10))
        recorder.mark(Marker(time_ns=1, stage="s", edge=Edge.END))
    with Recording(path) as recording:
        recording.read(0, 10)
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert not [t for t in threading.enumerate() if t.name == "wattstage-recorder"]
