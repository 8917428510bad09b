"""Whatever a file holds, the reader ends with numbers or a sentence, and with 1 GB at most."""

import json
import select
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording.sessions import info, note, ramp, reading

from monitor.keeping.repair import repair
from monitor.recording.recorder import Recorder

_LONGEST_S = 30.0  # a hang, not a slow machine
FEW = settings(
    max_examples=40, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    with Recorder(folder / "r.h5", info()) as recorder:
        for k in range(20):
            recorder.mark(note(f"n{k}"))
            recorder.add(reading(float(k)))
            recorder.write(ramp(k * 2000, k * 2000 + 2000))
    repair(folder / "r.h5", folder / "o.h5")
    return folder / "o.h5"


class Reader:
    """Asks the process, and another one if that died, which fails the test."""

    def __init__(self):
        program = Path(__file__).with_name("reader_process.py")
        self.process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

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


def judged(reader, path, good):
    """Whatever it says, either it is the truth or it says that something is wrong."""
    said, truth = reader.read(path), reader.read(good)
    assert set(truth["states"]) == {"ok"}
    if "refused" not in said and "fail" not in said["states"] and "warn" not in said["states"]:
        assert (said["mean"], said["items"]) == (truth["mean"], truth["items"])


@FEW
@given(st.floats(0.0, 1.0))
def test_a_truncated_file(good, reader, tmp_path, share):
    data = good.read_bytes()
    (tmp_path / "x.h5").write_bytes(data[: int(share * len(data))])
    judged(reader, tmp_path / "x.h5", good)


@FEW
@given(st.lists(st.tuples(st.floats(0.0, 0.999), st.integers(0, 7)), min_size=1, max_size=20))
def test_bits_that_flipped(good, reader, tmp_path, flips):
    data = bytearray(good.read_bytes())
    for share, bit in flips:
        data[int(share * len(data))] ^= 1 << bit
    (tmp_path / "x.h5").write_bytes(data)
    judged(reader, tmp_path / "x.h5", good)


@FEW
@given(
    st.sampled_from(["blocks", "markers", "readings"]), st.integers(0, 19),
    st.integers(0, 3), st.integers(-(2**31), 2**31 - 1),
)  # fmt: skip
def test_tables_that_lie(good, reader, tmp_path, name, k, field, value):
    path = tmp_path / "x.h5"
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "r+") as file:
        rows = file[name][:]
        rows[rows.dtype.names[field]][k] = value
        file[name][:] = rows
    judged(reader, path, good)
