"""JLS files: of ours as they were recorded, of a Joulescope its voltage and current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import ConfigError, RecordingError
from monitor.export.formats import library
from monitor.export.jls import BLOCKS, DESCRIPTION, EPOCH_NS
from monitor.model import NS, Block, Channel, Edge, Marker, Quantity, StreamInfo
from monitor.sources.exported.described import (
    Description,
    Numbers,
    decoded,
    decoded_blocks,
    from_codes,
    from_values,
)
from monitor.sources.exported.source import FileSource

_SLAB = 1 << 17  # samples per signal that are held at once
_KINDS = {"V": Quantity.VOLTAGE, "A": Quantity.CURRENT, "W": Quantity.POWER}
_T0_UNCERTAINTY_NS = 1_000_000  # a host's clock beside USB


def jls_source(path: Path) -> FileSource:
    """Return the content of a JLS file as a source.

    Raises
    ------
    ConfigError
        If it has no power, or pyjls is not installed.
    RecordingError
        If it cannot be read.
    """
    pyjls = library("pyjls", "JLS")
    try:
        with _opened(pyjls, path) as file:
            told = _user_data(file)
            return _ours(pyjls, path, told) if told[DESCRIPTION] else _foreign(pyjls, path, file)
    except (RuntimeError, ValueError, LookupError) as error:
        raise RecordingError(f"{path} is damaged: {error}; copy it again") from error


def _user_data(file: Any) -> dict[int, list[bytes]]:
    """Return the pieces of what an export has told of itself."""
    told: dict[int, list[bytes]] = {DESCRIPTION: [], BLOCKS: []}

    def take(number: int, content: Any) -> bool:
        if number in told and isinstance(content, bytes):
            told[number].append(content)
        return False

    file.user_data(take)
    return told


def _opened(pyjls: Any, path: Path) -> Any:
    try:
        with path.open("rb") as file:
            head = file.read(24)
        if not head.startswith(b"jlsfmt\r\n"):
            raise RecordingError(f"{path} is no JLS file")
        # pyjls 0.17 can crash the process on a file whose writer died.
        if int.from_bytes(head[16:], "little") != path.stat().st_size:
            raise RecordingError(
                f"{path} is cut short, or was not closed; repair it with Joulescope's own tools"
            )
        return pyjls.Reader(str(path))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:
        raise RecordingError(f"{path} is damaged: {error}; copy it again") from error


def _ours(pyjls: Any, path: Path, told: dict[int, list[bytes]]) -> FileSource:
    description = decoded(b"".join(told[DESCRIPTION]), path.name)
    signals = [1 + k for k in description.imported_columns]
    info = description.imported_info

    def blocks() -> Iterator[Block]:
        with _opened(pyjls, path) as file:
            if description.is_codes:
                table = decoded_blocks(b"".join(told[BLOCKS]), path.name)
                spans = [(start, n) for start, n, *_ in table.blocks]
                numbers = _of_spans(file, path, description, signals, spans)
                columns = description.imported_columns
                yield from from_codes(numbers, table, columns, info.dtype, path.name)
            else:
                length = description.stop - description.start
                numbers = _of_spans(file, path, description, signals, [(description.start, length)])
                largest = [description.largest[k] for k in description.imported_columns]
                yield from from_values(numbers, info, largest)

    return FileSource(info, blocks, description.events)


def _of_spans(
    file: Any,
    path: Path,
    description: Description,
    signals: list[int],
    spans: list[tuple[int, int]],
) -> Iterator[Numbers]:
    for begin, n in spans:
        for start in range(begin, begin + n, _SLAB):
            size = min(_SLAB, begin + n - start)
            rows = [_read(file, path, k, start - description.start, size) for k in signals]
            yield Numbers(np.arange(start, start + size), np.stack(rows))


def _read(file: Any, path: Path, signal: int, start: int, size: int) -> Any:
    try:
        return file.fsr(signal, start, size)
    except (RuntimeError, ValueError, KeyError) as error:
        raise RecordingError(
            f"{path}: samples {start} to {start + size} cannot be read: {error}"
        ) from error


def _foreign(pyjls: Any, path: Path, file: Any) -> FileSource:
    """Return the first voltage and current of a file, else its first power."""
    first: dict[str, Any] = {}
    for signal in file.signals.values():
        if signal.signal_type == pyjls.SignalType.FSR and signal.units in _KINDS and signal.length:
            first.setdefault(signal.units, signal)
    chosen = [first[unit] for unit in ("V", "A") if unit in first]
    if len(chosen) < 2:
        chosen = [first["W"]] if "W" in first else []
    if not chosen or len({signal.sample_rate for signal in chosen}) > 1:
        units = ", ".join(sorted(first)) or "none"
        raise ConfigError(
            f"{path}: expected signals in V and A of one sample rate, or in W, found {units}"
        )
    start = max(signal.sample_id_offset for signal in chosen)
    stop = min(signal.sample_id_offset + signal.length for signal in chosen)
    if stop <= start:
        raise ConfigError(f"{path}: its signals were not recorded at the same time")
    lead = chosen[0]
    rate_hz, t0_ns = _clock(file, lead, start)
    largest = [_largest(file, path, signal) for signal in chosen]
    info = StreamInfo(
        channels=tuple(
            Channel(name=signal.name, quantity=_KINDS[signal.units], rail="imported")
            for signal in chosen
        ),
        sample_rate_hz=rate_hz,
        t0_ns=t0_ns,
        t0_uncertainty_ns=_T0_UNCERTAINTY_NS,
        dtype="int32",
        continuous=True,
        instrument={"identity": file.sources[lead.source_id].name, "file": path.name},
    )

    def blocks() -> Iterator[Block]:
        with _opened(pyjls, path) as again:
            yield from from_values(_aligned(again, path, chosen, start, stop), info, largest)

    return FileSource(info, blocks, _notes(pyjls, file, info, start))


def _aligned(file: Any, path: Path, signals: list[Any], start: int, stop: int) -> Iterator[Numbers]:
    for at in range(start, stop, _SLAB):
        size = min(_SLAB, stop - at)
        rows = [_read(file, path, s.signal_id, at - s.sample_id_offset, size) for s in signals]
        yield Numbers(np.arange(at - start, at - start + size), np.stack(rows).astype(np.float64))


def _clock(file: Any, signal: Any, start: int) -> tuple[float, int]:
    """Return the sample rate, and the UTC of the first sample that is taken."""
    pairs = file.time_map_get(signal.signal_id)
    if not len(pairs):
        return float(signal.sample_rate), 0
    at = int(file.sample_id_to_timestamp(signal.signal_id, start - signal.sample_id_offset))
    return float(signal.sample_rate), EPOCH_NS + (at * NS >> 30)


def _largest(file: Any, path: Path, signal: Any) -> float:
    peaks = [0.0]
    for at in range(0, signal.length, _SLAB):
        values = _read(file, path, signal.signal_id, at, min(_SLAB, signal.length - at))
        values = np.abs(values[np.isfinite(values)])
        peaks.append(float(values.max()) if values.size else 0.0)
    return max(peaks)


def _notes(pyjls: Any, file: Any, info: StreamInfo, start: int) -> list[Marker]:
    """Return the texts that somebody has written at samples of any signal."""
    texts: set[tuple[int, str]] = set()
    for signal in file.signals.values():
        if signal.signal_type == pyjls.SignalType.FSR and signal.sample_rate == info.sample_rate_hz:
            begin = signal.sample_id_offset - start
            for at, text in _texts(pyjls, file, signal.signal_id):
                texts.add((info.time_ns(begin + at), text))
    return [
        Marker(
            time_ns=time_ns,
            received_ns=time_ns,
            stage="note",
            edge=Edge.INSTANT,
            timing="hand",
            seq=seq,
            attrs={"text": text},
        )
        for seq, (time_ns, text) in enumerate(sorted(texts), start=1)
    ]


def _texts(pyjls: Any, file: Any, signal: int) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []

    def take(*annotation: Any) -> bool:
        at, _, kind, _, content = annotation
        if kind == pyjls.AnnotationType.TEXT:
            found.append((int(at), str(content)))
        return False

    file.annotations(signal, 0, take)
    return found
