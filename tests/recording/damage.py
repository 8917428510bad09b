"""Recordings in which something is not as it was written."""

import contextlib

import h5py
import numpy as np

from monitor.recording.checksums import ATTRIBUTES, CHECKSUMS, TABLES
from monitor.recording.recorder import Recorder


def record(path, stream, items, *, every=2, **options):
    """Record items, with a flush after each few of them."""
    with Recorder(path, stream, flush_s=0.0, **options) as recorder:
        for k, item in enumerate(items, 1):
            recorder.put(item)
            if k % every == 0:
                recorder.drain(0)
    assert recorder.state.error == ""
    return path


def flip(path, name, at, byte=0, bit=0):
    """Let one bit of a row or of a bin flip."""
    with h5py.File(path, "r+") as file:
        data = file[name]
        cell = np.array(data[at])
        raw = bytearray(cell.tobytes())
        raw[byte] ^= 1 << bit
        data[at] = np.frombuffer(bytes(raw), cell.dtype).reshape(cell.shape)


def change(path, name, rows, values):
    """Let rows of a table, or columns of codes, be others."""
    with h5py.File(path, "r+") as file:
        file[name][rows] = values


def rewrite(path, name, old, new):
    """Let a text in an attribute be another one."""
    with h5py.File(path, "r+") as file:
        text = file.attrs[name]
        assert old in text
        file.attrs[name] = text.replace(old, new, 1)


def flip_text(path, name, at, bit):
    """Let one bit of an attribute flip, as a disk does: without HDF5."""
    with h5py.File(path) as file:
        text = file.attrs[name].encode()
    data = bytearray(path.read_bytes())
    assert data.count(text) == 1, "it lies in the file as it is"
    data[data.index(text) + at] ^= 1 << bit
    path.write_bytes(data)


def age(path):
    """Make of a recording one from before there were checksums of attributes and summaries."""
    with h5py.File(path, "r+") as file:
        rows = file[CHECKSUMS][:]
        rows = rows[(rows["table"] < len(TABLES))][: 1 - len(TABLES)]
        file[CHECKSUMS].resize(len(rows), axis=0)
        file[CHECKSUMS][:] = rows
        for name in list(file["summaries"]):
            if name.endswith("_crc"):
                del file[f"summaries/{name}"]
        with contextlib.suppress(KeyError):
            del file.attrs["tables_sha256"]
    assert len(ATTRIBUTES) == 6
