"""Writes a session to disk, on a thread of its own, so that nothing else ever waits for a disk."""

from __future__ import annotations

import json
import queue
import threading
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import msgspec
import numpy as np

from monitor.errors import RecordingError
from monitor.model import Block, Marker, RecordingState, Scale, StreamInfo
from monitor.recording import schema

_FLUSH_S = 0.5
_MAX_QUEUE_BYTES = 256 << 20
_CHUNK = 65_536  # samples: small appends into small chunks are fifty times slower
_TABLE_CHUNK = 1024
_HEAP_CHUNK = 65_536


class Recorder:
    """A recording in the making.

    ``write`` and ``mark`` never wait and never raise: what a disk cannot take ends the recording,
    leaves what was written readable, and shows in ``state``.

    Parameters
    ----------
    path
        File to make; one that exists is not overwritten.
    info
        Of the stream.
    settings
        What else a reader may want to know.

    Raises
    ------
    RecordingError
        If the file cannot be made.
    """

    def __init__(
        self, path: Path, info: StreamInfo, *, settings: dict[str, str] | None = None
    ) -> None:
        self._path = path
        self._rate_hz = info.sample_rate_hz
        self._queue: queue.SimpleQueue[tuple[int, Block | Marker] | None] = queue.SimpleQueue()
        self._order = 0
        self._queued_bytes = 0
        self._queued_samples = 0
        self._lock = threading.Lock()
        self._n_samples = 0
        self._n_bytes = 0
        self._error = ""
        self._file = _File(path, info, settings or {})
        self._thread = threading.Thread(target=self._run, name="wattstage-recorder")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def state(self) -> RecordingState:
        """Return how it is doing; safe from any thread."""
        with self._lock:
            return RecordingState(
                path=str(self._path),
                n_samples=self._n_samples,
                n_bytes=self._n_bytes,
                queued_s=self._queued_samples / self._rate_hz,
                error=self._error,
            )

    def put(self, item: Block | Marker) -> None:
        """Write a block or a marker."""
        if isinstance(item, Block):
            self.write(item)
        else:
            self.mark(item)

    def write(self, block: Block) -> None:
        """Write a block, soon."""
        with self._lock:
            if self._error:
                return
            if self._queued_bytes + block.codes.nbytes > _MAX_QUEUE_BYTES:
                self._error = (
                    f"recording to {self._path} stopped: the disk is slower than the instrument by"
                    f" {_MAX_QUEUE_BYTES >> 20} MiB; what was written is readable. Use a faster"
                    " disk, or a lower sample rate"
                )
                return
            self._queued_bytes += block.codes.nbytes
            self._queued_samples += block.n_samples
        self._put(block)

    def mark(self, marker: Marker) -> None:
        """Write a marker, soon."""
        self._put(marker)

    def close(self) -> None:
        """Write what is queued, and close the file; one without a block is removed."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _put(self, item: Block | Marker) -> None:
        self._order += 1
        self._queue.put((self._order, item))

    def _run(self) -> None:
        try:
            open_ = True
            while open_:
                batch, open_ = self._batch()
                self._file.append(batch)
                self._account(batch)
        except OSError as error:
            self._fail(error)
        except RuntimeError as error:  # how HDF5 says some of what the system told it
            self._fail(OSError(None, str(error)))
        finally:
            self._end()

    def _batch(self) -> tuple[list[tuple[int, Block | Marker]], bool]:
        """Return what came within a flush period, and whether more may come."""
        batch: list[tuple[int, Block | Marker]] = []
        until = time.monotonic() + _FLUSH_S
        while (left := until - time.monotonic()) > 0:
            try:
                item = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if item is None:
                return batch, False
            batch.append(item)
        return batch, True

    def _account(self, batch: list[tuple[int, Block | Marker]]) -> None:
        blocks = [item for _, item in batch if isinstance(item, Block)]
        n = sum(block.n_samples for block in blocks)
        with self._lock:
            self._queued_bytes -= sum(block.codes.nbytes for block in blocks)
            self._queued_samples -= n
            self._n_samples += n
            self._n_bytes = self._file.n_bytes

    def _fail(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        with self._lock:
            self._error = (
                f"recording to {self._path} stopped: {reason}; what was written up to then is"
                " readable. Free some space or choose another disk, and start a new recording"
            )

    def _end(self) -> None:
        try:
            self._file.close(complete=not self.state.error)
        except (OSError, RuntimeError) as error:
            self._fail(OSError(None, str(error)))
        if not self._file.n_blocks and not self.state.error:
            self._path.unlink(missing_ok=True)


class _File:
    """The HDF5 side; used by one thread after it was made."""

    def __init__(self, path: Path, info: StreamInfo, settings: dict[str, str]) -> None:
        self._dtype = np.dtype(info.dtype)
        self._n_channels = len(info.channels)
        self._path = path
        self._scales: dict[tuple[Scale, ...], int] = {}
        self.n_blocks = 0
        try:
            self._file = h5py.File(path, "x", libver="latest")
        except OSError as error:
            raise RecordingError(_why_not(path, error)) from error
        self._describe(info, settings)
        self._file.swmr_mode = True

    @property
    def n_bytes(self) -> int:
        """Return the size of the file."""
        return self._path.stat().st_size

    def _describe(self, info: StreamInfo, settings: dict[str, str]) -> None:
        file, n = self._file, self._n_channels
        file.attrs["format"] = schema.FORMAT
        file.attrs["schema_version"] = schema.SCHEMA_VERSION
        file.attrs["info"] = msgspec.json.encode(info).decode()
        file.attrs["settings"] = json.dumps(settings)
        file.attrs["software"] = f"wattstage {version('wattstage')}, h5py {h5py.version.version}"

        def table(name: str, dtype: np.dtype[np.void] | str, chunk: int, *columns: int) -> None:
            file.create_dataset(
                name, (0, *columns), dtype, maxshape=(None, *columns), chunks=(chunk, *columns)
            )

        file.create_dataset(
            schema.CODES, (n, 0), self._dtype, maxshape=(n, None), chunks=(1, _CHUNK)
        )
        table(schema.BLOCKS, schema.block_row(n), _TABLE_CHUNK)
        table(schema.SCALES, "<f8", 16, n, 2)
        table(schema.MARKERS, schema.MARKER_ROW, _TABLE_CHUNK)
        table(schema.MARKER_JSON, "u1", _HEAP_CHUNK)
        file.create_dataset(schema.STATUS, (1,), "<i4")

    def append(self, batch: list[tuple[int, Block | Marker]]) -> None:
        """Write and flush; data before the tables that point to them."""
        blocks = [(order, item) for order, item in batch if isinstance(item, Block)]
        markers = [(order, item) for order, item in batch if isinstance(item, Marker)]
        if blocks:
            self._append_blocks(blocks)
        if markers:
            self._append_markers(markers)
        if batch:
            self._file.flush()

    def _append_blocks(self, blocks: list[tuple[int, Block]]) -> None:
        codes = self._file[schema.CODES]
        offset = codes.shape[1]
        stacked = np.concatenate([block.codes for _, block in blocks], axis=1)
        if stacked.dtype != self._dtype:
            raise OSError(None, f"codes of {stacked.dtype} in a stream of {self._dtype}")
        codes.resize(offset + stacked.shape[1], axis=1)
        codes[:, offset:] = stacked
        rows = np.zeros(len(blocks), schema.block_row(self._n_channels))
        for row, (order, block) in zip(rows, blocks, strict=True):
            row["order"], row["start"], row["n"] = order, block.start, block.n_samples
            row["offset"], offset = offset, offset + block.n_samples
            row["host_ns"], row["host_uncertainty_ns"] = block.host_ns, block.host_uncertainty_ns
            row["scale_row"], row["clipped"] = self._scale_row(block.scales), block.clipped
        codes.flush()
        self._extend(schema.BLOCKS, rows)
        self.n_blocks += len(blocks)

    def _scale_row(self, scales: tuple[Scale, ...]) -> int:
        if scales not in self._scales:
            self._scales[scales] = len(self._scales)
            self._extend(schema.SCALES, np.array([[(s.gain, s.offset) for s in scales]]))
        return self._scales[scales]

    def _append_markers(self, markers: list[tuple[int, Marker]]) -> None:
        texts = [msgspec.json.encode(marker) for _, marker in markers]
        offset = self._file[schema.MARKER_JSON].shape[0]
        self._extend(schema.MARKER_JSON, np.frombuffer(b"".join(texts), np.uint8))
        rows = np.zeros(len(markers), schema.MARKER_ROW)
        for row, text, (order, marker) in zip(rows, texts, markers, strict=True):
            row["order"], row["offset"], row["length"] = order, offset, len(text)
            row["time_ns"], row["received_ns"] = marker.time_ns, marker.received_ns
            offset += len(text)
        self._extend(schema.MARKERS, rows)

    def _extend(self, name: str, rows: np.ndarray) -> None:
        table = self._file[name]
        n = table.shape[0]
        table.resize(n + len(rows), axis=0)
        table[n:] = rows
        table.flush()

    def close(self, *, complete: bool) -> None:
        """Close; a complete file says so."""
        if complete:
            self._file[schema.STATUS][0] = 1
            self._file.flush()
        self._file.close()


def _why_not(path: Path, error: OSError) -> str:
    if path.exists():
        return f"{path} exists already and is not overwritten; choose another file"
    if not path.parent.is_dir():
        return f"{path} cannot be made: there is no folder {path.parent}; make it first"
    return f"{path} cannot be made: {error.strerror or error}; choose a folder you may write to"
