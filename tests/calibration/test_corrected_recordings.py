"""A recording that was made with a wrong probe is put right, and nothing is lost by it."""

import hashlib
import os

import h5py
import msgspec
import numpy as np
import pytest
from fakes import INFO, dc_block

from monitor.calibration import recordings
from monitor.calibration.recordings import correct
from monitor.errors import RecordingError
from monitor.model import Calibration, Probe
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

TEN = Probe(ratio=10.0, calibration=Calibration(gain=1.02, offset=-0.3, note="µ"))


@pytest.fixture
def path(tmp_path):
    with Recorder(tmp_path / "a.h5", INFO) as recorder:
        for k in range(5):
            recorder.write(dc_block(2000 * k, 120.0 + k))
    return tmp_path / "a.h5"


def codes(path):
    with h5py.File(path, "r") as file:
        return hashlib.sha256(file["codes"][:].tobytes()).hexdigest()


def energy_j(path):
    with Recording(path) as recording:
        sums, _ = recording.cumulative([recording.bounds[1]])
        return sums[-1, 0] / INFO.sample_rate_hz


def test_every_number_follows_and_no_sample_is_touched(path):
    before, old = codes(path), energy_j(path)
    correct(path, {"current": Probe(ratio=-2.0)}, "the clamp was 2x and reversed")
    assert codes(path) == before
    assert energy_j(path) == pytest.approx(-2.0 * old)
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_is_kept_and_can_be_put_back(path):
    correct(path, {"current": TEN}, "first")
    correct(path, {"current": Probe(), "voltage": TEN}, "second")
    with Recording(path) as recording:
        first, second = recording.corrections
        assert (first.reason, second.reason) == ("first", "second")
        assert first.before == {"voltage": Probe(), "current": Probe()}
        assert second.before["current"] == TEN
        assert recording.info.channels[0].probe == TEN
        assert recording.closed
        before = second.before
    correct(path, before, "undone")
    with Recording(path) as recording:
        assert recording.info.channels[1].probe == TEN
        assert len(recording.corrections) == 3


def test_a_recording_that_was_never_corrected_says_so(path):
    with Recording(path) as recording:
        assert recording.corrections == ()


def test_a_recording_from_before_there_were_calibrations_is_corrected_too(path):
    with h5py.File(path, "r+") as file:
        info = msgspec.json.decode(file.attrs["info"])
        for channel in info["channels"]:
            del channel["probe"]["calibration"]
        file.attrs["info"] = msgspec.json.encode(info).decode()
        del file["checksums"]  # there were none either
    old = energy_j(path)
    correct(path, {"voltage": Probe(calibration=Calibration(gain=1.1))}, "x")
    assert energy_j(path) == pytest.approx(1.1 * old)


def test_an_unknown_channel_is_refused(path):
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="no channel 'amps'; it has 'current', 'voltage'"):
        correct(path, {"amps": TEN}, "x")
    assert path.read_bytes() == before


def test_a_recording_in_the_making_is_refused(tmp_path):
    path = tmp_path / "b.h5"
    with Recorder(path, INFO, flush_s=0.0) as recorder:
        recorder.write(dc_block(0, 120.0))
        while not recorder.state.n_samples:
            os.sched_yield()
        with pytest.raises(RecordingError, match="still being recorded"):
            correct(path, {"current": TEN}, "x")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RecordingError("no")])
def test_giving_up_leaves_the_recording_as_it_was(path, error):
    before = path.read_bytes()

    def stop(_):
        raise error

    with pytest.raises((KeyboardInterrupt, RecordingError)):
        correct(path, {"current": TEN}, "x", stop)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_without_room_for_a_copy_it_is_left_alone(path, monkeypatch):
    class Full:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Full)
    with pytest.raises(RecordingError, match="left as it is: a corrected copy needs"):
        correct(path, {"current": TEN}, "x")


def test_a_copy_that_is_not_what_it_should_be_never_takes_the_place(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(recordings.msgspec.json, "encode", lambda _: b"{}")
    with pytest.raises(RecordingError):
        correct(path, {"current": TEN}, "x")
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_copy_is_told_of_as_it_grows(path):
    told = []
    correct(path, {"current": TEN}, "x", told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_corrections_that_are_wrong_are_told_as_damage(path):
    with h5py.File(path, "r+") as file:
        file.attrs["corrections"] = '[{"corrected": 3}]'
    with pytest.raises(RecordingError, match="its corrections are wrong"):
        Recording(path)


def test_a_calibration_that_cannot_be_is_told_as_damage(path):
    with h5py.File(path, "r+") as file:
        info = msgspec.json.decode(file.attrs["info"])
        info["channels"][0]["probe"]["calibration"]["deskew_s"] = 1e9
        file.attrs["info"] = msgspec.json.encode(info).decode()
    with pytest.raises(RecordingError, match="deskew_s must be within"):
        Recording(path)


def test_values_read_back_are_the_corrected_ones(path):
    correct(path, {"current": TEN}, "x")
    with Recording(path) as recording:
        volts, amps, _ = recording.read(0, 1000)
    assert volts == pytest.approx(np.full(1000, 12.0))
    assert amps == pytest.approx(np.full(1000, 1.02 * 100.0 - 0.3), rel=1e-5)
