"""The HDF5 side of a recording in the making: appends, flushes, and ends well on a bad disk."""

from __future__ import annotations

import contextlib
import datetime
import errno
import itertools
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import h5py
import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.config import PLAIN, RecordingSettings
from monitor.errors import RecordingError
from monitor.model import Block, Marker, Reading, Scale, SlowChannel, StreamInfo
from monitor.recording import schema, slow
from monitor.recording.checksums import CHECKSUMS, ROW, Checksums, attribute_rows
from monitor.recording.compression import options, piece
from monitor.recording.disk import reason, why_not_made
from monitor.recording.part_name import ALONE, Part
from monitor.recording.summaries import GROUP, Summariser

_TABLE_CHUNK = 1024  # rows
_HEAP_CHUNK = 65_536  # bytes
_LINES_CHUNK = 4096  # bytes
_SPARE = 4 << 20  # bytes: left on the disk, so that a file can always be ended well
_SUMMARY_SHARE = 0.05
_INT64 = np.iinfo(np.int64)

Entry = tuple[int, Block] | tuple[int, Reading] | tuple[int, Marker, bytes] | SlowChannel
"""An item with its place in the order of all, a marker with its JSON; or a channel to know."""


class Writer:
    """A file that only one thread uses.

    Codes go to the file at once; what points to them only with a flush and after them: first
    their summaries, the scales, the readings and the markers, then the blocks. So a table never
    points to what is not there, and no block is there without the readings and markers that came
    before it.

    Parameters
    ----------
    path
        File to make; one that exists is not overwritten.
    part
        Which file of the recording it is.
    summariser
        Of the whole set.
    how
        Compression, and what else was chosen.
    flush_s
        How often it will be flushed.

    Raises
    ------
    RecordingError
        If the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        settings: dict[str, str],
        *,
        part: Part = ALONE,
        summariser: Summariser | None = None,
        how: RecordingSettings = PLAIN,
        flush_s: float = 0.5,
    ) -> None:
        described = _checked(info)
        self._dtype = np.dtype(info.dtype)
        self._n_channels = len(info.channels)
        self._rows: list[tuple[object, ...]] = []  # of blocks since the last flush
        self._marks: list[tuple[int, Marker, bytes]] = []  # likewise
        self._readings: list[tuple[int, int, int, int, float]] = []  # likewise
        self._channels: dict[SlowChannel, int] = {}
        self._new_channels: list[bytes] = []
        self._scales: dict[tuple[Scale, ...], int] = {}
        self._new_scales: list[tuple[Scale, ...]] = []
        self._checksums = Checksums(self._n_channels)
        self._broken = False
        self._unflushed = 0  # bytes of codes, whose summaries the next flush writes
        self.summariser = summariser or Summariser(info)
        """For the file that follows."""
        self._how = how
        self._piece = piece(how.compression, info.sample_rate_hz * flush_s)
        self._compression = options(how.compression)
        self._synced = time.monotonic()
        self._spare = _SPARE + round(how.keep_free_gb * 1e9)
        self.n_items = 0
        """Blocks, readings and markers that are safe: flushed."""
        self.n_blocks = self.n_samples = 0  # likewise
        try:
            self._file = h5py.File(path, "x", libver="latest")
        except OSError as error:
            raise RecordingError(why_not_made(path, error)) from error
        self._fd = int(self._file.id.get_vfd_handle())
        self.path, self._identity = path, os.fstat(self._fd)
        try:
            if not self._fitting([0]):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._describe(described, settings)
            file = self._file
            file.attrs["set"], file.attrs["part"], file.attrs["after"] = part
            self._summaries = self.summariser.attach(file)
            # Kept open: to close one writes, which must not happen after a failure.
            self._data = {name: self._file[name] for name in self._file if name != GROUP}
            self._extend(CHECKSUMS, attribute_rows(file))
            self._file.swmr_mode = True
        except (OSError, RuntimeError) as error:
            self._abandon()
            path.unlink(missing_ok=True)
            raise RecordingError(
                f"{path} cannot be made: {reason(error)}; free some space or choose another disk"
            ) from error

    @property
    def n_bytes(self) -> int:
        """Return the size of the file."""
        return os.fstat(self._fd).st_size

    @property
    def room(self) -> int:
        """Return the bytes that may still be written."""
        disk = os.fstatvfs(self._fd)
        pieces = self._n_channels * self._piece * self._dtype.itemsize
        summaries = round(self._unflushed * _SUMMARY_SHARE)
        return disk.f_bavail * disk.f_frsize - pieces - summaries - self._spare

    def append(self, entries: Sequence[Entry]) -> None:
        """Take items in their order.

        Raises
        ------
        OSError, RuntimeError
            If the disk does not take them; the file is good for no more then but to be closed.
        """
        blocks, readings, marks = [], [], []
        for entry in entries:
            match entry:
                case (order, Block() as block):
                    blocks.append((order, block))
                case (order, Reading() as reading):
                    readings.append(self._reading_row(order, reading))
                case (order, Marker() as marker, text):
                    marks.append((order, marker, text))
                case SlowChannel():
                    self._number(entry)
        fitting = self._fitting([block.codes.nbytes for _, block in blocks])
        if fitting:
            self._append_codes(blocks[:fitting])
        if fitting < len(blocks):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._marks += marks
        self._readings += readings

    def flush(self) -> None:
        """Make all that was appended safe from the death of this process.

        Raises
        ------
        OSError, RuntimeError
            As ``append``.
        """
        n_items = len(self._rows) + len(self._readings) + len(self._marks)
        if not (n_items or self._new_channels):
            return
        scales = [[(s.gain, s.offset) for s in scales] for scales in self._new_scales]
        with self._breaking():
            self._data[schema.CODES].flush()
            self.summariser.flush(self._summaries)
            self._extend(schema.SCALES, np.array(scales, "<f8"))
            heap = b"".join(self._new_channels)
            self._extend(schema.SLOW_CHANNELS, np.frombuffer(heap, np.uint8))
            # Before the blocks: a block has all that came before it.
            self._extend(schema.READINGS, np.array(self._readings, schema.READING_ROW))
            self._extend_markers()
            self._extend(schema.BLOCKS, np.array(self._rows, schema.block_row(self._n_channels)))
            self._extend(CHECKSUMS, self._checksums.take())
            self._file.flush()
            self._unflushed = 0
            self._sync()
        self.n_items += n_items
        self.n_blocks += len(self._rows)
        self.n_samples = int(self._data[schema.CODES].shape[1])
        self._rows, self._marks, self._new_scales = [], [], []
        self._readings, self._new_channels = [], []

    def close(self, *, complete: bool, n_dropped: int, goes_on: bool = False) -> None:
        """Close the file, or leave it as the last good flush made it; without a block, remove it.

        Parameters
        ----------
        complete
            Whether it ended as asked.
        n_dropped
            Items that could not be written.
        goes_on
            Whether another file holds what follows.

        Raises
        ------
        OSError, RuntimeError
            If the disk did not take the last of it. What was flushed before is readable.
        """
        try:
            if not self._broken:
                self.flush()
                with self._breaking():
                    if complete:
                        self._extend(CHECKSUMS, self._checksums.closing())
                    self._data[schema.STATUS][:] = [complete, n_dropped, goes_on]
                    self._file.flush()
                    self._file.close()
        finally:
            if self.n_blocks == 0:
                self.path.unlink(missing_ok=True)

    def _sync(self) -> None:
        """Have the disk keep what it was given, if that is wanted and due."""
        every_s = self._how.fsync_s
        if every_s and time.monotonic() - self._synced >= every_s:
            os.fdatasync(self._fd)
            self._synced = time.monotonic()

    def _append_codes(self, blocks: Sequence[tuple[int, Block]]) -> None:
        stacked = np.concatenate([block.codes for _, block in blocks], axis=1, dtype=self._dtype)
        with self._breaking():
            codes = self._data[schema.CODES]
            offset = int(codes.shape[1])
            codes.resize(offset + stacked.shape[1], axis=1)
            codes[:, offset:] = stacked
            self._checksums.add_codes(stacked)
            self._unflushed += stacked.nbytes
            self.summariser.append([block for _, block in blocks], stacked)
        for order, block in blocks:
            if block.scales not in self._scales:
                self._scales[block.scales] = len(self._scales)
                self._new_scales.append(block.scales)
            self._rows.append(
                (
                    order, block.start, block.n_samples, offset, block.host_ns,
                    block.host_uncertainty_ns, self._scales[block.scales], block.clipped,
                )
            )  # fmt: skip
            offset += block.n_samples

    def _reading_row(self, order: int, reading: Reading) -> tuple[int, int, int, int, float]:
        number = self._number(reading.channel)
        return order, number, _clip(reading.time_ns), _clip(reading.received_ns), reading.value

    def _number(self, channel: SlowChannel) -> int:
        """Return a channel's number; one that is new gets the next."""
        if channel not in self._channels:
            self._channels[channel] = len(self._channels)
            self._new_channels.append(slow.encode(channel))
        return self._channels[channel]

    def _extend_markers(self) -> None:
        offset = int(self._data[schema.MARKER_JSON].shape[0])
        rows = []
        for order, marker, text in self._marks:
            times = (_clip(marker.time_ns), _clip(marker.received_ns))
            rows.append((order, offset, len(text), *times))
            offset += len(text)
        heap = b"".join(text for _, _, text in self._marks)
        self._extend(schema.MARKER_JSON, np.frombuffer(heap, np.uint8))
        self._extend(schema.MARKERS, np.array(rows, schema.MARKER_ROW))

    def _extend(self, name: str, rows: NDArray[np.generic]) -> None:
        if not len(rows):
            return
        table = self._data[name]
        n = table.shape[0]
        table.resize(n + len(rows), axis=0)
        table[n:] = rows
        table.flush()
        if name != CHECKSUMS:
            self._checksums.add(name, n, rows)

    def _describe(self, info: str, settings: dict[str, str]) -> None:
        file, n = self._file, self._n_channels
        file.attrs["format"] = schema.FORMAT
        file.attrs["schema_version"] = schema.SCHEMA_VERSION
        file.attrs["created"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        file.attrs["software"] = json.dumps(
            {
                "wattstage": version("wattstage"),
                "python": platform.python_version(),
                "h5py": h5py.version.version,
                "hdf5": h5py.version.hdf5_version,
            }
        )
        file.attrs["info"] = info
        file.attrs["settings"] = json.dumps(settings)
        file.create_dataset(
            schema.CODES,
            (n, 0),
            self._dtype,
            maxshape=(n, None),
            chunks=(1, self._piece),
            **self._compression,
        )
        self._table(schema.BLOCKS, schema.block_row(n), _TABLE_CHUNK)
        self._table(schema.SCALES, np.dtype("<f8"), 16, n, 2)
        self._table(schema.MARKERS, schema.MARKER_ROW, _TABLE_CHUNK)
        self._table(schema.MARKER_JSON, np.dtype("u1"), _HEAP_CHUNK)
        self._table(schema.READINGS, schema.READING_ROW, _TABLE_CHUNK)
        self._table(schema.SLOW_CHANNELS, np.dtype("u1"), _LINES_CHUNK)
        self._table(CHECKSUMS, ROW, _TABLE_CHUNK)
        file.create_dataset(schema.STATUS, data=np.zeros(schema.STATUS_LENGTH, "<i8"))

    def _table(self, name: str, dtype: np.dtype[np.generic], chunk: int, *columns: int) -> None:
        self._file.create_dataset(
            name, (0, *columns), dtype, maxshape=(None, *columns), chunks=(chunk, *columns)
        )

    def _fitting(self, sizes: Sequence[int]) -> int:
        """Return how many of the sizes, in bytes, the disk takes.

        HDF5 does not survive a disk that fills up under it, so it is stopped in time.
        """
        if os.fstat(self._fd).st_nlink == 0:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        room = self.room
        return sum(1 for total in itertools.accumulate(sizes) if total <= room)

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Abandon the file if the library fails half-way."""
        try:
            yield
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Leave the file on the disk as it is, and let the library end in peace.

        HDF5 keeps what it could not write and tries again when it closes the file, or at the end
        of the process, and crashes there (HDF5 2.0: SIGSEGV at exit). So it is given the null
        device in place of the file.
        """
        self._broken = True
        with contextlib.suppress(OSError):
            if self._is_ours():
                null = os.open(os.devnull, os.O_RDWR)
                os.dup2(null, self._fd, inheritable=False)
                os.close(null)
        with contextlib.suppress(OSError, RuntimeError):
            self._file.close()

    def _is_ours(self) -> bool:
        """Return whether the descriptor is still that of the file."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._identity)
        except OSError as error:  # a drive that is gone tells nothing, but it is the file's
            return error.errno != errno.EBADF


def _checked(info: StreamInfo) -> str:
    """Return a stream's info as JSON, if what is read back would be the same."""
    try:
        text = msgspec.json.encode(info)
        if msgspec.json.decode(text, type=StreamInfo) != info:
            raise ValueError("it has a number that is not finite")
        if np.dtype(info.dtype).kind not in "iu":
            raise ValueError(f"codes must be integers, got {info.dtype}")
    except (TypeError, ValueError) as error:
        raise RecordingError(f"this stream cannot be recorded: {error}") from error
    return text.decode()


def _clip(time_ns: int) -> int:
    """Return a time that fits the index; the JSON beside it keeps any."""
    return max(_INT64.min, min(time_ns, _INT64.max))
