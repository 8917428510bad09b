"""Compressed or not, what was recorded is what is read."""

import os
import sys

import h5py
import pytest
from recording.sessions import info, ramp, same

from monitor.config import RecordingSettings
from monitor.errors import RecordingError
from monitor.recording import compression
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.h5"


@pytest.mark.parametrize("name", ["none", "gzip", "lzf", "bitshuffle-lz4"])
def test_every_compression_gives_the_same_codes(path, name):
    if name == "bitshuffle-lz4":
        pytest.importorskip("hdf5plugin")
    items = [ramp(k, k + 7000) for k in range(0, 140_000, 7000)]
    with Recorder(path, info(), how=RecordingSettings(compression=name)) as recorder:
        for item in items:
            recorder.put(item)
    assert recorder.state.error == ""
    with Recording(path) as recording:
        assert all(map(same, recording.blocks(), items))
        assert recording.summary(0, 140_000)[0].n == 140_000
    with h5py.File(path) as file:
        stored = file["codes"].id.get_storage_size()
        assert (stored < 2 * 2 * 140_000) == (name != "none")


def test_gzip_needs_nothing_but_h5py(path):
    block = ramp(0, 5000)
    with Recorder(path, info(), how=RecordingSettings(compression="gzip")) as recorder:
        recorder.put(block)
    with h5py.File(path) as file:
        assert file["codes"][:].tolist() == block.codes.tolist()


def test_what_is_not_installed_is_named_before_a_file_is_made(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(RecordingError, match=r"install wattstage\[compression\]"):
        Recorder(path, info(), how=RecordingSettings(compression="bitshuffle-lz4"))
    assert not path.exists()


def test_a_file_that_cannot_be_read_here_says_what_is_missing(path, monkeypatch):
    with Recorder(path, info(), how=RecordingSettings(compression="gzip")) as recorder:
        recorder.put(ramp(0, 5000))
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    monkeypatch.setattr(compression.h5z, "filter_avail", lambda code: False)
    with pytest.raises(RecordingError, match=r"is compressed \(HDF5 filter 2\), it needs hdf5pl"):
        Recording(path)


def test_pieces_are_short_against_a_flush():
    assert compression.piece("none", 10.0) == 65_536
    assert compression.piece("gzip", 1e6) == 65_536
    assert compression.piece("gzip", 1e5) == 8192
    assert compression.piece("gzip", 10.0) == 4096


def test_the_disk_is_told_to_keep_what_it_was_given(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    with Recorder(path, info(), how=RecordingSettings(fsync_s=1e-9)) as recorder:
        recorder.put(ramp(0, 10))
    assert synced
    path.unlink()
    synced.clear()
    with Recorder(path, info()) as recorder:
        recorder.put(ramp(0, 10))
    assert not synced


def test_what_is_to_be_left_free_is_left_free(path):
    everything_gb = 1e9
    with pytest.raises(RecordingError, match="the disk is full"):
        Recorder(path, info(), how=RecordingSettings(keep_free_gb=everything_gb))
    assert not path.exists()


def test_the_state_says_for_how_long_the_disk_will_do(path, monkeypatch):
    monkeypatch.setattr("monitor.recording.recorder._RATE_KNOWN_S", 0.0)
    with Recorder(path, info(), flush_s=0.001) as recorder:
        recorder.put(ramp(0, 10))
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    assert 0 < recorder.state.left_s < free
