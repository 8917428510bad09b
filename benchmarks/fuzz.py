"""Fuzzes what takes bytes from others, with atheris, which nothing else here needs.

A target may answer, or refuse with a WattstageError; anything else, a crash, a hang of 30 s or more
than 1 GB of memory ends the run with the input in a file. So does a recording that gives another
energy, time or rate than the good one without a word.

Run: pip install atheris; python benchmarks/fuzz.py TARGET [-max_total_time=60] [more of libFuzzer]
Targets: recording, journal, markers, engine, settings; and imports: csv, exported_csv, ptdaemon,
elmorlabs, jls, parquet.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import sys
import warnings
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[1] / "tests"))

with atheris.instrument_imports(include=["monitor"]):
    import msgspec
    import numpy as np
    from fuzz_inputs import (
        ASKED,
        EDITS,
        FOLDER,
        LOG,
        METER,
        SENT,
        SETTINGS,
        TABLES,
        exported,
        recordings,
    )
    from keeping.oracle import judge, look

    from monitor.config import load
    from monitor.engine import messages
    from monitor.errors import WattstageError
    from monitor.markers import payload, telemetry
    from monitor.recording import marks
    from monitor.sources.elmorlabs import CaptureSource
    from monitor.sources.exported.csv_file import csv_source
    from monitor.sources.exported.jls_file import jls_source
    from monitor.sources.exported.parquet_file import parquet_source
    from monitor.sources.source import Source
    from monitor.sources.tables import csv_file, ptdaemon
    from monitor.sources.tables.csv_file import CsvOptions
    from monitor.sources.tables.table import source_of

_LIMITS = ["-timeout=30", "-rss_limit_mb=1024", "-max_len=4096", "-len_control=0"]
_MOST_ITEMS = 2000  # that are taken of an import


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


@functools.cache
def truth(number: int) -> dict[str, object]:
    """Return what a good recording says."""
    return look(FOLDER / ("repaired", "mains", "split")[number] / "r.h5")


def recording(data: bytes) -> None:
    """Let bits and bytes of a good recording be others, perhaps cut it, and ask it everything."""
    told = atheris.FuzzedDataProvider(data)
    number = told.ConsumeIntInRange(0, len(recordings()) - 1)
    good = recordings()[number]
    files = {name: bytearray(content) for name, content in good.files.items()}
    for _ in range(told.ConsumeIntInRange(1, 6)):
        name, begin, n = good.places[told.ConsumeIntInRange(0, len(good.places) - 1)]
        at = begin + told.ConsumeIntInRange(0, n - 1)
        if told.ConsumeBool():
            files[name][at] ^= 1 << told.ConsumeIntInRange(0, 7)
        else:
            some = told.ConsumeBytes(told.ConsumeIntInRange(1, 8))
            files[name][at : at + len(some)] = some
    if told.ConsumeProbability() < 0.05:
        name = told.PickValueInList(list(files))
        del files[name][told.ConsumeIntInRange(0, len(files[name])) :]
    folder = FOLDER / f"changed-{number}"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    wrong = judge(look(folder / "r.h5"), truth(number))
    assert wrong is None, f"without a word: {wrong}"


def markers(data: bytes) -> None:
    """Decode a payload as each kind of message that a sender publishes."""
    kinds = (
        lambda sent: payload.encode(payload.decode(sent, 1)),
        payload.decode_header, payload.decode_status, payload.decode_answer,
        telemetry.decode_sensors, telemetry.decode_values,
    )  # fmt: skip
    kind = data[0] % len(kinds) if data else 0
    kinds[kind](edited(data[1:], SENT[kind]))


def engine(data: bytes) -> None:
    """Decode what a viewer sends."""
    try:
        msgspec.msgpack.decode(edited(data, *ASKED), type=messages.Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # which is a refusal
        return


def settings(data: bytes) -> None:
    """Read a settings file."""
    path = FOLDER / "settings.toml"
    path.write_bytes(edited(data, SETTINGS))
    load(path)


def journal(data: bytes) -> None:
    """Read the marks beside a recording, each of which has a checksum."""
    path = FOLDER / "beside.h5"
    text = edited(data, EDITS)
    marks.journal_path(path).write_bytes(text)
    edits, wrong = marks.read(path)
    good = EDITS.split(b"\n")
    for line, edit in zip(filter(None, text.split(b"\n")), edits, strict=False):
        assert line in good or edit.do == "lost" or b'"crc"' not in line, (line, edit)
    assert wrong or all(edit.do != "lost" for edit in edits)


def _imported(make: Callable[[], Source]) -> None:
    """Take what an import gives."""

    async def take() -> None:
        left = itertools.count(_MOST_ITEMS, -1)
        async with make() as source:
            async for _ in source.items():
                if not next(left):
                    return

    asyncio.run(take())


def csv(data: bytes) -> None:
    """Read a scope's or a meter's CSV file."""
    path = FOLDER / "log.csv"
    path.write_bytes(edited(data, *TABLES))
    _imported(lambda: source_of(csv_file.load(path, CsvOptions(start="2026-03-01T12:00:00Z"))))


def ptdaemon_log(data: bytes) -> None:
    """Read a log of PTDaemon."""
    path = FOLDER / "spl.txt"
    path.write_bytes(edited(data, LOG))
    _imported(lambda: source_of(ptdaemon.load(path, zone=UTC)))


def elmorlabs(data: bytes) -> None:
    """Read a capture of a PMD-USB: three files, one of them changed."""
    folder = FOLDER / "pmd"
    folder.mkdir(exist_ok=True)
    names = list(METER)
    for name, content in METER.items():
        (folder / name).write_bytes(content)
    chosen = names[data[0] % len(names)] if data else names[0]
    (folder / chosen).write_bytes(edited(data[1:], METER[chosen]))
    _imported(lambda: CaptureSource(folder, sample_rate_hz=20_000.0, signed=False))


def jls(data: bytes) -> None:
    """Read a JLS file that was exported."""
    path = FOLDER / "changed.jls"
    path.write_bytes(edited(data, exported("jls")))
    _imported(lambda: jls_source(path))


def parquet(data: bytes) -> None:
    """Read a Parquet file that was exported."""
    path = FOLDER / "changed.parquet"
    path.write_bytes(edited(data, exported("parquet")))
    _imported(lambda: parquet_source(path))


def exported_csv(data: bytes) -> None:
    """Read a CSV file that was exported, or the file beside it, changed."""
    path = FOLDER / "changed.csv"
    good = [exported("csv"), exported("csv.json")]
    chosen = data[0] % 2 if data else 0
    good[chosen] = edited(data[1:], good[chosen])
    path.write_bytes(good[0])
    path.with_name("changed.csv.json").write_bytes(good[1])
    source = csv_source(path)
    if source is not None:
        _imported(lambda: source)


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__.removesuffix("_log"): each
    for each in (
        recording, journal, markers, engine, settings,
        csv, exported_csv, ptdaemon_log, elmorlabs, jls, parquet,
    )
}  # fmt: skip


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

    atheris.Setup([sys.argv[0], *_LIMITS, *sys.argv[1:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
