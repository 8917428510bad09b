"""What is good, for ``fuzz.py`` to change: messages, files, and recordings of every kind."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import msgspec
import numpy as np
from bench_record import SCALES, codes_of, info

from monitor.config import RecordingSettings
from monitor.engine import messages
from monitor.export.choice import choose
from monitor.export.description import Job
from monitor.export.export import export
from monitor.export.selection import select
from monitor.keeping.repair import repair
from monitor.model import NS, Block, Edge, Marker, Reading, SlowChannel, StreamInfo, Supply
from monitor.recording import journal_line
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))

_RUN = b'"schema":1,"run_id":"r","sender":"s","rank":0'
SENT = (
    b'{%b,"seq":7,"event":"begin","stage":"denoise","ts_ns":5,"span_id":"a","parent_id":"b",'
    b'"index":3,"total":50,"timing":"sync","attrs":{"a":1,"b":"c","d":null,"e":1.5}}' % _RUN,
    b'{%b,"world_size":8,"seq":17,"n_dropped":0,"host":"h","clock":"c","attrs":{"f":129}}' % _RUN,
    b'{%b,"status":"online"}' % _RUN,
    b'{%b,"id":"x","t0_ns":1,"t1_ns":2,"t2_ns":3}' % _RUN,
    b'{%b,"host":"h","sensors":[{"name":"power","unit":"W","device":"GPU 0","interval_s":0.1,'
    b'"window_s":1.0,"note":"n"}],"notes":["none"]}' % _RUN,
    b'{%b,"values":[[0,5,312.5],[1,6,70.0]]}' % _RUN,
)
ASKED = tuple(
    msgspec.msgpack.encode(each)
    for each in (
        messages.Hello(), messages.FrameRequest(start=0, stop=9, span=5, n_columns=100),
        messages.Mark(text="door", time_ns=5), messages.StartRecording(path="a.h5"),
    )
)  # fmt: skip
SETTINGS = b"""[instrument]
address = "TCPIP::192.168.1.20::5025::SOCKET"
record_s = 0.1
inputs = [{input = 1, quantity = "voltage"}, {input = 2, quantity = "current", ratio = 10.0}]
[markers]
broker = "mqtt://127.0.0.1:1883"
"""
TABLES = (
    b"t,P(W),U(V),I(mA)\n" + b"".join(b"%d,100,230,500\n" % k for k in range(9)),
    b"Time [s],CH1 [V],CH2 [A]\n" + b"".join(b"%d.5e-3,1.5,-2.5\n" % k for k in range(9)),
)
LOG = b"".join(
    b"Time,12-23-2020 10:21:%02d.496,Watts,23.43,Volts,228.37,Amps,0.204,PF,0.502,Mark,%b\n"
    % (k, b"run" if 2 < k < 9 else b"notset")
    for k in range(12)
)
EDITS = b"".join(
    journal_line.encode({"made_ns": 5, **edit})
    for edit in (
        {"do": "note", "text": "n"}, {"do": "rename", "mark": "note-1", "text": "m"},
        {"do": "move", "mark": "r:1", "time_ns": 1_700_000_000_000_000_000},
    )
)  # fmt: skip
_RAW = np.arange(9 * 40, dtype="<u2").reshape(-1, 9) * 16
_RAW[:, 0] = np.arange(40) * 600
METER = {
    "PMD_data.bin": _RAW.astype("<u2").tobytes(),
    "PMD_start_ts.txt": b"1700000000000000\n",
    "timestamps.csv": b"1700000000100000\n" * 2 + b"1700000000200000\n" * 2,
}


@dataclass(frozen=True, slots=True)
class Good:
    """A recording of one file or several, and where in them what may flip."""

    files: dict[str, bytes]
    """By name; the first is that of the recording."""
    places: tuple[tuple[str, int, int], ...]
    """Name of the file, first byte, number of bytes: attributes, and pieces of each dataset."""


@functools.cache
def recordings() -> tuple[Good, ...]:
    """Return one as repaired, on DC; one on mains, compressed; one that is split."""
    whole = FOLDER / "whole"
    whole.mkdir()
    _record(whole / "r.h5", Supply.DC)
    for name in ("repaired", "mains", "split"):
        (FOLDER / name).mkdir()
    repair(whole / "r.h5", FOLDER / "repaired" / "r.h5")
    _record(FOLDER / "mains" / "r.h5", Supply.MAINS, compression="gzip")
    _record(FOLDER / "split" / "r.h5", Supply.MAINS, split_gb=1e-4)
    return tuple(_good(FOLDER / name) for name in ("repaired", "mains", "split"))


@functools.cache
def exported(ending: str) -> bytes:
    """Return a recording in another format, or the file beside it: ``csv.json``."""
    recordings()
    path = FOLDER / f"good.{ending.removesuffix('.json')}"
    if not path.exists():
        with Recording(FOLDER / "whole" / "r.h5") as recording:
            export(Job(recording, select(recording)), path, choose("", path))
    return (FOLDER / f"good.{ending}").read_bytes()


def _record(path: Path, supply: Supply, **how: object) -> None:
    stream = msgspec.structs.replace(info(supply), sample_rate_hz=20_000.0)
    with Recorder(path, stream, how=RecordingSettings(**how), flush_s=0.0) as recorder:
        for number, item in enumerate(_items(stream), 1):
            recorder.put(item)
            if number % 14 == 0:
                recorder.drain(0)


def _items(stream: StreamInfo) -> Iterator[Block | Marker | Reading]:
    codes = codes_of(1_000_000)[:, ::50]
    plug = SlowChannel(name="plug", source="fuzz", unit="W", interval_s=1.0)
    for k in range(10):
        start, n = k * 2000 + 500 * (k > 4), 2000
        yield Block(start, codes[:, k * n : k * n + n], SCALES, (0, 0), start * 50_000, 0)
        yield Reading(channel=plug, time_ns=k * NS // 10, received_ns=1, value=5.0 + k)
        for edge, share in ((Edge.BEGIN, 0.2), (Edge.END, 0.9)):
            at_ns = stream.time_ns(start + round(share * n))
            yield Marker(time_ns=at_ns, stage="a", edge=edge, span_id=str(k), run_id="r")


def _good(folder: Path) -> Good:
    paths = sorted(folder.iterdir(), key=lambda path: (path.name != "r.h5", path.name))
    places = [place for path in paths for place in _places(path)]
    return Good({path.name: path.read_bytes() for path in paths}, tuple(places))


def _places(path: Path) -> Iterator[tuple[str, int, int]]:
    data = path.read_bytes()
    yield path.name, 0, len(data)
    with h5py.File(path) as file:
        for name in ("info", "settings", "set"):
            if text := str(file.attrs[name]).encode():
                yield path.name, data.index(text), len(text)
        found: list[h5py.Dataset] = []
        file.visititems(lambda _, each: found.append(each) if hasattr(each, "chunks") else None)
        for each in found:
            for k in range(each.id.get_num_chunks() if each.chunks else 0):
                piece = each.id.get_chunk_info(k)
                row = min(each.shape[-1], each.chunks[-1]) if each.ndim == 2 else len(each)
                n_bytes = min(piece.size, row * each.dtype.itemsize)
                if not n_bytes:
                    continue
                yield path.name, piece.byte_offset, n_bytes
                if each.ndim == 2 and each.chunks[0] > 1:  # the last row, too
                    step = each.chunks[1] * each.dtype.itemsize
                    yield path.name, piece.byte_offset + (each.shape[0] - 1) * step, n_bytes
