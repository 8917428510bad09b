"""Fuzzes what takes bytes from others, with atheris, which nothing else here needs.

A target may answer, or refuse with a WattstageError; anything else, a crash, a hang of 30 s or more
than 1 GB of memory ends the run with the input in a file.

Run: pip install atheris; python benchmarks/fuzz.py TARGET [-max_total_time=60] [more of libFuzzer]
Targets: recording, markers, engine, settings, csv, journal.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["monitor"]):
    import msgspec
    import numpy as np
    from bench_record import SCALES, codes_of, info

    from monitor.config import load
    from monitor.engine import messages
    from monitor.errors import WattstageError
    from monitor.keeping.verify import verify
    from monitor.markers import payload, telemetry
    from monitor.model import NS, Block, Edge, Marker, Reading, SlowChannel, Supply
    from monitor.recording import marks
    from monitor.recording.reader import Recording
    from monitor.recording.recorder import Recorder
    from monitor.sources.tables import csv_file
    from monitor.sources.tables.csv_file import CsvOptions

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
_LIMITS = ["-timeout=30", "-rss_limit_mb=1024", "-max_len=4096"]


_RUN = b'"schema":1,"run_id":"r","sender":"s","rank":0'
_SENT = (
    b'{%b,"seq":7,"event":"begin","stage":"denoise","ts_ns":5,"span_id":"a","parent_id":"b",'
    b'"index":3,"total":50,"timing":"sync","attrs":{"a":1,"b":"c","d":null,"e":1.5}}' % _RUN,
    b'{%b,"world_size":8,"seq":17,"n_dropped":0,"host":"h","clock":"c","attrs":{"f":129}}' % _RUN,
    b'{%b,"status":"online"}' % _RUN,
    b'{%b,"id":"x","t0_ns":1,"t1_ns":2,"t2_ns":3}' % _RUN,
    b'{%b,"host":"h","sensors":[{"name":"power","unit":"W","device":"GPU 0","interval_s":0.1,'
    b'"window_s":1.0,"note":"n"}],"notes":["none"]}' % _RUN,
    b'{%b,"values":[[0,5,312.5],[1,6,70.0]]}' % _RUN,
)
_ASKED = tuple(
    msgspec.msgpack.encode(each)
    for each in (
        messages.Hello(), messages.FrameRequest(start=0, stop=9, span=5, n_columns=100),
        messages.Mark(text="door", time_ns=5), messages.StartRecording(path="a.h5"),
    )
)  # fmt: skip
_SETTINGS = b"""[instrument]
address = "TCPIP::192.168.1.20::5025::SOCKET"
record_s = 0.1
inputs = [{input = 1, quantity = "voltage"}, {input = 2, quantity = "current", ratio = 10.0}]
[markers]
broker = "mqtt://127.0.0.1:1883"
"""
_TABLES = (
    b"t,P(W),U(V),I(mA)\n" + b"".join(b"%d,100,230,500\n" % k for k in range(9)),
    b"Time [s],CH1 [V],CH2 [A]\n" + b"".join(b"%d.5e-3,1.5,-2.5\n" % k for k in range(9)),
)
_EDITS = b'{"do":"note","text":"n"}\n{"do":"delete","mark":"r:1"}\n{"do":"rename","mark":"r:2"}\n'


@functools.cache
def good_recording() -> bytes:
    """Return a small recording that holds something of everything."""
    path = _FOLDER / "good.h5"
    codes = codes_of(4000)
    plug = SlowChannel(name="plug", source="fuzz", unit="W", interval_s=1.0)
    with Recorder(path, info(Supply.DC)) as recorder:
        for k in range(4):
            start = k * 1000 + 500 * (k > 1)
            recorder.write(
                Block(start, codes[:, k * 1000 : k * 1000 + 1000], SCALES, (0, 0), start * 1000, 0)
            )
            recorder.add(Reading(channel=plug, time_ns=k * NS // 1000, received_ns=1, value=5.0))
            for edge in (Edge.BEGIN, Edge.END):
                recorder.mark(
                    Marker(time_ns=k * 10**6, stage="a", edge=edge, span_id=str(k), run_id="r")
                )
    return path.read_bytes()


def edited(data: bytes, *good: bytes) -> bytes:
    """Return something good, changed at some places and perhaps cut; or just the data."""
    told = atheris.FuzzedDataProvider(data)
    choice = told.ConsumeIntInRange(0, len(good))
    if choice == len(good):
        return told.ConsumeBytes(len(data))
    changed = bytearray(good[choice])
    for _ in range(told.ConsumeIntInRange(1, 12)):
        # What tells how the rest is to be read comes first.
        reach = 16_384 if told.ConsumeBool() else len(changed)
        at = told.ConsumeIntInRange(0, max(min(reach, len(changed)) - 1, 0))
        some = told.ConsumeBytes(told.ConsumeIntInRange(0, 8))
        changed[at : at + told.ConsumeIntInRange(0, 8)] = some
    if told.ConsumeProbability() < 0.2:
        del changed[told.ConsumeIntInRange(0, len(changed)) :]
    return bytes(changed)


def recording(data: bytes) -> None:
    """Change a good recording at some places, perhaps cut it, and ask it everything."""
    path = _FOLDER / "changed.h5"
    path.write_bytes(edited(data, good_recording()))
    with Recording(path) as opened:
        start, stop = opened.bounds
        opened.view(start, max(stop, start + 1), 100, (0.001,), (0.001,))
        opened.summary(start, stop)
        opened.read(start, min(stop, start + 5000))
        for _ in opened.items():
            pass
        opened.stage_tree.stages(1 << 62)
        opened.slow.values(0)
    for _ in verify(path):
        pass


def markers(data: bytes) -> None:
    """Decode a payload as each kind of message that a sender publishes."""
    kinds = (
        lambda sent: payload.encode(payload.decode(sent, 1)),
        payload.decode_header, payload.decode_status, payload.decode_answer,
        telemetry.decode_sensors, telemetry.decode_values,
    )  # fmt: skip
    kind = data[0] % len(kinds) if data else 0
    kinds[kind](edited(data[1:], _SENT[kind]))


def engine(data: bytes) -> None:
    """Decode what a viewer sends."""
    try:
        msgspec.msgpack.decode(edited(data, *_ASKED), type=messages.Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # which is a refusal
        return


def settings(data: bytes) -> None:
    """Read a settings file."""
    path = _FOLDER / "settings.toml"
    path.write_bytes(edited(data, _SETTINGS))
    load(path)


def csv(data: bytes) -> None:
    """Read a scope's or a meter's CSV file."""
    path = _FOLDER / "log.csv"
    path.write_bytes(edited(data, *_TABLES))
    csv_file.load(path, CsvOptions(start="2026-03-01T12:00:00Z"))


def journal(data: bytes) -> None:
    """Read the marks beside a recording."""
    path = _FOLDER / "beside.h5"
    marks.journal_path(path).write_bytes(edited(data, _EDITS))
    marks.read(path)


TARGETS = {each.__name__: each for each in (recording, markers, engine, settings, csv, journal)}


def main() -> None:
    """Fuzz the target that is named first."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"expected a target: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv.pop(1)]
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")

    def once(data: bytes) -> None:
        with contextlib.suppress(WattstageError):
            target(data)

    atheris.Setup([*sys.argv, *_LIMITS], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
