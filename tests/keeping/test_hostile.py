"""Whatever a file holds, the reader ends with the right numbers or a sentence, and with 1 GB."""

import contextlib
import functools
import json
import select
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping.oracle import judge
from recording.damage import record
from recording.sessions import info, note, ramp, reading
from recording.test_damage import MAINS
from recording.test_summaries import blocks

from monitor.config import RecordingSettings
from monitor.keeping.repair import repair
from monitor.model import Edge, Marker

_LONGEST_S = 30.0  # a hang, not a slow machine
FEW = settings(
    max_examples=15, derandomize=True,  # benchmarks/fuzz.py tries many more
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def steps(stream, length, n):
    """Begin and end of stages that cut through blocks."""
    for k in range(n):
        for edge, at in ((Edge.BEGIN, k + 0.15), (Edge.END, k + 0.85)):
            yield Marker(
                time_ns=stream.time_ns(round(at * length / n)), stage="step", edge=edge,
                run_id="r", span_id=str(k), index=k,
            )  # fmt: skip


def of_dc():
    for k in range(20):
        yield from (note(f"n{k}"), reading(float(k)), ramp(k * 2000, k * 2000 + 2000))
    yield from steps(info(), 40_000, 4)


def of_mains():
    yield from blocks([4000] * 15, [0, 0, 500] * 5, hz=50.0, rate_hz=20_000.0)
    yield from steps(MAINS, 62_500, 3)


@pytest.fixture(scope="module", params=["repaired", "mains", "split"])
def good(request, tmp_path_factory):
    """The first file of a recording that is alone in its folder."""
    folder, path = tmp_path_factory.mktemp("good"), tmp_path_factory.mktemp(request.param) / "r.h5"
    match request.param:
        case "repaired":
            repair(record(folder / "r.h5", info(), of_dc(), every=9), path)
        case "mains":
            record(path, MAINS, of_mains(), how=RecordingSettings(compression="gzip"))
        case "split":
            record(path, MAINS, of_mains(), every=6, how=RecordingSettings(split_gb=1e-4))
            assert 1 < len(list(path.parent.iterdir())) < 6
    return path


class Reader:
    """Asks the process, and another one if that died, which fails the test."""

    def __init__(self):
        program = Path(__file__).with_name("reader_process.py")
        self.process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.truth = functools.cache(self.read)

    def read(self, path):
        self.process.stdin.write(f"{path}\n".encode())
        ready, _, _ = select.select([self.process.stdout], [], [], _LONGEST_S)
        assert ready, "it hangs"
        line = self.process.stdout.readline()
        assert line, f"it died: {self.process.wait()}"
        return json.loads(line)

    def close(self):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="module")
def reader():
    made = Reader()
    yield made
    made.close()


@contextlib.contextmanager
def copied(good, folder, which=0.0):
    """Yield a copy of a recording and the content of one of its files, which goes into it."""
    files = sorted(good.parent.iterdir())
    for path in files:
        shutil.copy(path, folder)
    chosen = folder / files[int(which * len(files))].name
    data = bytearray(chosen.read_bytes())
    yield chosen, data
    chosen.write_bytes(data)


def judged(reader, path, good):
    truth = reader.truth(good)
    assert set(truth["states"]) <= {"ok", "warn"}
    assert truth["warnings"] == []
    assert judge(reader.read(path), truth) is None


@FEW
@given(st.floats(0.0, 1.0), st.floats(0.0, 0.999))
def test_a_truncated_file(good, reader, tmp_path, share, which):
    with copied(good, tmp_path, which) as (_, data):
        del data[int(share * len(data)) :]
    judged(reader, tmp_path / "r.h5", good)


flips = st.lists(st.tuples(st.floats(0.0, 0.999), st.integers(0, 7)), min_size=1, max_size=20)


@FEW
@given(flips, st.floats(0.0, 0.999))
def test_bits_that_flipped(good, reader, tmp_path, flips, which):
    with copied(good, tmp_path, which) as (_, data):
        for share, bit in flips:
            data[int(share * len(data))] ^= 1 << bit
    judged(reader, tmp_path / "r.h5", good)


def bytes_of(path, data, name):
    """Return the places in a file of the bytes of an attribute, or of a dataset's first piece."""
    with h5py.File(path) as file:
        if name in file.attrs:
            text = str(file.attrs[name]).encode()
            return np.arange(len(text)) + data.index(text)
        piece, size = file[name].chunks, file[name].dtype.itemsize
        there = tuple(slice(min(n, k)) for n, k in zip(file[name].shape, piece, strict=True))
        cells = np.arange(np.prod(piece)).reshape(piece)[there].reshape(-1, 1)
        at = file[name].id.get_chunk_info(0).byte_offset if cells.size else 0
    return (at + cells * size + np.arange(size)).ravel()


@settings(FEW, max_examples=40)
@given(
    st.sampled_from(
        [
            *("info", "info", "settings", "set", "blocks", "scales", "markers", "marker_json"),
            *("readings", "checksums", "summaries/cycles", "summaries/cycles"),
            *("summaries/totals_0", "summaries/cycles_crc", "summaries/extremes_0"),
        ]
    ),
    flips.map(lambda some: some[:3]),
    st.floats(0.0, 0.999),
)  # fmt: skip
def test_bits_that_flipped_in_a_place(good, reader, tmp_path, name, flips, which):
    with copied(good, tmp_path, which) as (path, data):
        places = bytes_of(path, data, name)
        for share, bit in flips if len(places) else ():
            data[places[int(share * len(places))]] ^= 1 << bit
    judged(reader, tmp_path / "r.h5", good)


@FEW
@given(
    st.sampled_from(["blocks", "markers", "readings"]), st.integers(0, 19),
    st.integers(0, 3), st.integers(-(2**31), 2**31 - 1),
)  # fmt: skip
def test_tables_that_lie(good, reader, tmp_path, name, k, field, value):
    with copied(good, tmp_path):
        pass
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        rows = file[name][:]
        if len(rows):
            rows[rows.dtype.names[field]][k % len(rows)] = value
            file[name][:] = rows
    judged(reader, tmp_path / "r.h5", good)


def test_what_is_judged_has_stages_with_energies(good, reader):
    energies = reader.truth(good)["energies"]
    assert len(energies) > 3
    assert all(each["energy_j"] for each in energies)
