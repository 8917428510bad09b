"""A file that is not ours, or not whole, gives a sentence or its readable part."""

import contextlib
import logging
import os
import random
import shutil

import h5py
import numpy as np
import pytest
from recording.sessions import info, note, ramp, reading, same

from monitor.errors import RecordingError
from monitor.model import Block, Marker, Reading
from monitor.recording import schema
from monitor.recording.marker_text import encode
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.recording.writer import Writer

N_BLOCKS = 120
N = 5000  # samples of a block: 10 chunks in all


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.h5"
    writer = Writer(path, info(), {})
    for k in range(N_BLOCKS):
        mark = note(str(k), seq=k)
        block, slow = ramp(k * N, k * N + N), reading(float(k))
        writer.append([(3 * k, block), (3 * k + 1, mark, encode(mark)), (3 * k + 2, slow)])
        writer.flush()
    writer.close(complete=True, n_dropped=0)
    return path


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copy(original, tmp_path / "copy.h5")


def refused(path, *words):
    """The file gives one sentence that names it."""
    with pytest.raises(RecordingError) as caught, Recording(path) as recording:
        for _ in recording.items():
            pass
    text = str(caught.value)
    assert len(text.splitlines()) == 1, text
    for word in (str(path), *words):
        assert word in text, text


def test_there_is_no_file(tmp_path):
    refused(tmp_path / "none.h5", "there is no file")


def test_it_is_a_folder(tmp_path):
    refused(tmp_path, "is a folder")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n", b"\x89HDF" + bytes(9999)])
def test_it_is_something_else(tmp_path, content):
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    refused(path)


def test_it_is_the_hdf5_file_of_somebody_else(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["codes"] = [1, 2, 3]
    refused(path, "not a Wattstage recording")


def test_it_was_made_by_a_newer_version(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["schema_version"] = 3
    refused(copy, "made by a newer version: schema 3, this reads 2")


def change(name, value):
    def damage(file):
        file.attrs[name] = value

    return damage


def without(name):
    def damage(file):
        del file[name]

    return damage


def row(name, k, field, value):
    def damage(file):
        rows = file[name][:]
        rows[field][k] = value
        file[name][:] = rows

    return damage


def retyped(file):
    codes = file["codes"][:]
    del file["codes"]
    file["codes"] = codes.astype("int32")


def regrouped(file):
    del file["blocks"]
    file.create_group("blocks")


def misspelt(file):
    file["marker_json"][0] = ord("x")


DAMAGE = {
    "no info": lambda file: file.attrs.__delitem__("info"),
    "info is no JSON": change("info", "{"),
    "info is a number": change("info", 3),
    "info lacks a field": change("info", "{}"),
    "version is a text": change("schema_version", "one"),
    "version is negative": change("schema_version", -1),
    "settings are a list": change("settings", "[]"),
    "notes are no texts": change("settings", '{"notes": "[5]"}'),
    "no codes": without("codes"),
    "no blocks": without("blocks"),
    "no scales": without("scales"),
    "no status": without("status"),
    "no markers": without("marker_json"),
    "codes of another type": retyped,
    "blocks are a group": regrouped,
    "a marker is no JSON": misspelt,
    "blocks overlap": row("blocks", 3, "start", 2 * N),
    "places overlap": row("blocks", 3, "offset", 2 * N),
    "no length": row("blocks", 3, "n", -1),
    "a huge length": row("blocks", 3, "n", 2**62),
    "a huge start": row("blocks", 3, "start", 2**63 - 10),
    "behind the end": row("blocks", N_BLOCKS - 1, "n", N + 1),
    "unknown scales": row("blocks", 3, "scale_row", 2**31 - 1),
    "negative scales": row("blocks", 3, "scale_row", -1),
    "out of order": row("blocks", 3, "order", 0),
    "markers out of order": row("markers", 3, "order", 0),
    "a marker behind the end": row("markers", N_BLOCKS - 1, "length", 2**30),
    "a marker before the beginning": row("markers", 3, "offset", -1),
    "readings out of order": row("readings", 3, "order", 0),
    "a reading of an unknown channel": row("readings", 3, "channel", 1),
    "a reading of a negative channel": row("readings", 3, "channel", -1),
    "readings without channels": without("slow_channels"),
    "a slow channel is no JSON": lambda file: file["slow_channels"].__setitem__(0, ord("x")),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_it_contradicts_itself(copy, how):
    with h5py.File(copy, "r+") as file:
        DAMAGE[how](file)
    refused(copy, "is damaged", "copy it again")


def test_a_span_that_no_memory_holds_is_a_sentence_without_summaries(tmp_path):
    path = tmp_path / "r.h5"
    with Recorder(path, info()) as recorder:
        recorder.write(ramp(0, 10))
        recorder.write(ramp(2**50, 2**50 + 10))
    with Recording(path) as recording:
        assert recording.n_samples == 20
        assert recording.peak(0, 2**50 + 10) == recording.read(0, 10)[-1].max()
    with h5py.File(path, "r+") as file:
        del file["summaries"]
    with (
        Recording(path) as recording,
        pytest.raises(RecordingError, match=r"spans 3\.13e\+07 h at 10000 Hz"),
    ):
        recording.peak(0, 10)


@pytest.mark.parametrize("share", [0.999, 0.97, 0.9, 0.75, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.001])
def test_a_file_that_is_cut_short_gives_what_is_left_of_it(copy, share, caplog):
    os.truncate(copy, int(copy.stat().st_size * share))
    try:
        with Recording(copy) as recording:
            n, items = recording.n_blocks, list(recording.items())
            assert not recording.closed
    except RecordingError:
        refused(copy)
        if share < 0.3:
            return
        raise
    assert 0 < n < N_BLOCKS
    assert "is cut short" in caplog.text
    expected = [item for k in range(N_BLOCKS) for item in (ramp(k * N, k * N + N), k)]
    blocks = [item for item in items if isinstance(item, Block)]
    values = [item.value for item in items if isinstance(item, Reading)]
    assert len(blocks) == n
    assert all(map(same, blocks, expected[::2]))
    seqs = [item.seq for item in items if isinstance(item, Marker)]
    assert seqs == list(range(len(seqs)))
    assert values == list(range(len(values)))
    assert n > share * N_BLOCKS - 40  # two chunks are 26 blocks


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_a_file_of_a_single_flush_that_is_cut_short_is_a_sentence(tmp_path, share):
    path = tmp_path / "r.h5"
    with Recorder(path, info(), flush_s=60.0) as recorder:
        for k in range(N_BLOCKS):
            recorder.write(ramp(k * N, k * N + N))
    with h5py.File(path) as file:
        place = file["blocks"].id.get_chunk_info(0).byte_offset
    assert place > 2 * N_BLOCKS * N * 2, "its tables come after its codes"
    os.truncate(path, int(path.stat().st_size * share))
    refused(path, "is cut short")


def test_flipped_bits_never_crash_or_hang(original, tmp_path, caplog):
    data = bytearray(original.read_bytes())
    caplog.set_level(logging.CRITICAL)
    rng = random.Random(1)
    path = tmp_path / "flipped.h5"
    head = 6000  # where the structure lies
    n_refused = 0
    for _ in range(150):
        at = rng.randrange(head)
        data[at] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        data = bytearray(original.read_bytes())
        with contextlib.suppress(RecordingError):
            n_refused += 1
            with Recording(path) as recording:
                for _ in recording.items():
                    pass
            n_refused -= 1
    assert n_refused > 50


def test_an_empty_table_of_blocks_is_an_empty_recording(copy):
    with h5py.File(copy, "r+") as file:
        file["blocks"].resize(0, axis=0)
    with Recording(copy) as recording:
        assert recording.bounds == (0, 0)
        assert recording.coverage == 0.0
        assert recording.duration_s == 0.0
        assert np.isnan(recording.read(0, 5)).all()
        assert list(recording.blocks()) == []
        assert len(recording.markers) == N_BLOCKS
        view = recording.view(0, 100, 10, (1.0,), (1.0,))
        assert np.isnan(view.low).all()


def test_a_file_from_before_there_were_slow_channels_still_opens(copy):
    with h5py.File(copy, "r+") as file:
        del file["readings"], file["slow_channels"]
    with Recording(copy) as recording:
        assert recording.closed
        assert recording.slow.channels == ()
        assert sum(not isinstance(item, Reading) for item in recording.items()) == 2 * N_BLOCKS


def test_a_closed_recording_reads_nothing_more(original):
    with Recording(original) as recording:
        pass
    with pytest.raises(RecordingError, match="cannot be read"):
        recording.read(0, 10)


def test_unknown_additions_do_not_hinder(copy):
    with h5py.File(copy, "r+") as file:
        file["more"] = np.zeros(10)
        file.attrs["author"] = "me"
    with Recording(copy) as recording:
        assert recording.n_blocks == N_BLOCKS
    assert schema.SCHEMA_VERSION == 2
