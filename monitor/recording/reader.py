"""Reads a recording: one that is closed, one that is being written, one whose writer died."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.dsp.power import rails, total_power
from monitor.dsp.scale import to_units
from monitor.dsp.stages import StageTree
from monitor.dsp.track import Track
from monitor.dsp.view import view_of
from monitor.errors import RecordingError
from monitor.model import Block, Marker, Scale, StreamInfo, Supply, Timeline, View
from monitor.recording import schema

_PASS = 1 << 20  # samples per channel that are reduced at once
_MAX_RAMP_WINDOWS_S = (0.1, 1.0, 10.0)
_MAX_STAGES = 4000  # of one timeline: more than there are pixel columns to draw them in


class Recording:
    """A session in a file.

    Opens at once; the samples are reduced at the first question that needs it.

    Parameters
    ----------
    path
        The file.
    progress
        Told the share that is reduced, 0 to 1; may raise to cancel.

    Raises
    ------
    RecordingError
        If it is not a recording, or is damaged beyond what can be read.
    """

    def __init__(self, path: Path, *, progress: Callable[[float], None] | None = None) -> None:
        self.path = Path(path)
        self._progress = progress
        self._file = _open(self.path)
        try:
            self._load()
        except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
            self._file.close()
            raise RecordingError(
                f"{path} is damaged: {_short(error)}; expected a recording of schema"
                f" {schema.SCHEMA_VERSION}"
            ) from error
        except RecordingError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was reduced goes on answering nothing."""
        self._file.close()

    @property
    def start_ns(self) -> int:
        """Return the UTC of the first sample."""
        return self.info.time_ns(self.bounds[0])

    @property
    def duration_s(self) -> float:
        """Return the time from the first to the last sample, dead time included."""
        return (self.bounds[1] - self.bounds[0]) / self.info.sample_rate_hz

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the sample indices ``[start, stop)``."""
        if not len(self._rows):
            return (0, 0)
        return int(self._rows["start"][0]), int(self._rows["start"][-1] + self._rows["n"][-1])

    @property
    def n_samples(self) -> int:
        """Return the captured samples per channel."""
        return int(self._rows["n"].sum())

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks."""
        return len(self._rows)

    @property
    def n_gaps(self) -> int:
        """Return how often samples are missing between two blocks."""
        stops = self._rows["start"] + self._rows["n"]
        return int(np.count_nonzero(self._rows["start"][1:] > stops[:-1]))

    @property
    def n_clipped(self) -> int:
        """Return the samples at a rail of the converter, all channels together."""
        return int(self._rows["clipped"].sum())

    @property
    def coverage(self) -> float:
        """Return the captured share of the duration; 0 of nothing."""
        start, stop = self.bounds
        return self.n_samples / (stop - start) if stop > start else 0.0

    @property
    def supply(self) -> Supply:
        """Return what feeds the computer."""
        return self._track.supply

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean: a line cycle on mains, a sample on DC."""
        return self._track.peak_window_s

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks as they were recorded."""
        for k in range(len(self._rows)):
            yield self._block(k)

    def items(self) -> Iterator[Block | Marker]:
        """Yield blocks and markers in the order in which they were recorded."""
        order = np.concatenate([self._rows["order"], self._marker_order])
        n_blocks = len(self._rows)
        for k in np.argsort(order, kind="stable"):
            yield self._block(int(k)) if k < n_blocks else self.markers[int(k) - n_blocks]

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of ``[start, stop)`` in their units, the power last.

        Returns
        -------
        shape (n_signals, stop - start)
            NaN where nothing was captured.
        """
        n_channels = len(self.info.channels)
        out = np.full((n_channels + 1, max(stop - start, 0)), np.nan, np.float32)
        stops = self._rows["start"] + self._rows["n"]
        first = int(np.searchsorted(stops, start, side="right"))
        last = int(np.searchsorted(self._rows["start"], stop))
        for row in self._rows[first:last]:
            begin, end = max(start, int(row["start"])), min(stop, int(row["start"] + row["n"]))
            offset = int(row["offset"]) + begin - int(row["start"])
            part = out[:, begin - start : end - start]
            codes = self._codes[:, offset : offset + end - begin]
            part[:-1] = to_units(codes, self.info.channels, self._scales[int(row["scale_row"])])
            part[-1] = total_power(part[:-1], self.info.channels)
        return out

    def view(
        self,
        start: int,
        stop: int,
        n_columns: int,
        average_windows_s: Sequence[float],
        ramp_windows_s: Sequence[float],
    ) -> View:
        """Return what a plot of ``[start, stop)`` needs; any span, any number of columns."""
        return view_of(
            self._track, start, stop, n_columns, average_windows_s, ramp_windows_s, self.read
        )

    def cumulative(self, indices: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums of the signals and the captured samples before each index."""
        return self._track.cumulative(np.atleast_1d(np.asarray(indices, np.int64)), self.read)

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        return self._track.steady(edges, self.read)

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in W: mean of a line cycle on mains, sample on DC."""
        return self._track.peak(start, stop, self.read)

    def ramp_extremes(self, window_s: float) -> tuple[float, float]:
        """Return the highest and lowest ramp rate over 0.1, 1 or 10 s, in W/s."""
        return self._track.ramp_extremes(window_s)

    def timeline(self, start_ns: int, stop_ns: int) -> Timeline:
        """Return the stages and marks of a span of UTC."""
        until_ns = self.info.time_ns(self.bounds[1])
        return self.stage_tree.timeline(start_ns, stop_ns, until_ns, _MAX_STAGES)

    @cached_property
    def stage_tree(self) -> StageTree:
        """Return what the markers say."""
        tree = StageTree()
        for marker in self.markers:
            tree.add(marker)
        return tree

    @cached_property
    def _track(self) -> Track:
        start, stop = self.bounds
        info = self.info
        track = Track(
            info.channels,
            info.sample_rate_hz,
            info.supply,
            capacity=max(stop - start, 1),
            ramp_windows_s=_MAX_RAMP_WINDOWS_S,
        )
        for first, last in _contiguous(self._rows):
            for begin in range(first, last, _PASS):
                end = min(begin + _PASS, last)
                track.append(begin, self.read(begin, end))
                if self._progress is not None:
                    self._progress((end - start) / (stop - start))
        return track

    def _load(self) -> None:
        file = self._file
        if file.attrs.get("format") != schema.FORMAT:
            raise RecordingError(
                f"{self.path} is an HDF5 file, but not a Wattstage recording; record with"
                " `wattstage record`"
            )
        made = int(file.attrs["schema_version"])
        if made != schema.SCHEMA_VERSION:
            raise RecordingError(
                f"{self.path} was made with schema {made}; this version reads"
                f" {schema.SCHEMA_VERSION}: use the version of wattstage that made it, or a newer"
            )
        self.schema_version = made
        try:
            self.info = msgspec.json.decode(file.attrs["info"], type=StreamInfo)
            self.settings = msgspec.json.decode(file.attrs["settings"], type=dict[str, str])
            rails(self.info.channels)
        except msgspec.ValidationError as error:
            raise ValueError(f"its stream info is wrong: {error}") from error
        if not self.info.sample_rate_hz > 0:
            raise ValueError(f"its sample rate is {self.info.sample_rate_hz}")
        self._codes = file[schema.CODES]
        self._rows = self._checked_blocks(file[schema.BLOCKS][:])
        self._scales = tuple(
            tuple(Scale(float(gain), float(offset)) for gain, offset in row)
            for row in file[schema.SCALES][:]
        )
        if len(self._rows) and self._rows["scale_row"].max() >= len(self._scales):
            raise ValueError("its block table points to scales that are not there")
        self._load_markers(file[schema.MARKERS][:], file[schema.MARKER_JSON][:])
        self.closed = bool(file[schema.STATUS][0])

    def _checked_blocks(self, rows: NDArray[Any]) -> NDArray[Any]:
        n = len(self.info.channels)
        if self._codes.shape[0] != n or self._codes.dtype != np.dtype(self.info.dtype):
            raise ValueError(
                f"its codes are {self._codes.shape[0]} rows of {self._codes.dtype}, expected {n} of"
                f" {self.info.dtype}"
            )
        if rows.dtype != schema.block_row(n):
            raise ValueError("its block table has other columns")
        good = (rows["n"] > 0) & (rows["offset"] >= 0) & (rows["scale_row"] >= 0)
        good &= rows["offset"] + rows["n"] <= self._codes.shape[1]
        stops = rows["start"] + rows["n"]
        if not good.all() or (rows["start"][1:] < stops[:-1]).any():
            raise ValueError("its block table contradicts itself")
        return rows

    def _load_markers(self, rows: NDArray[Any], heap: NDArray[np.uint8]) -> None:
        data = heap.tobytes()
        ends = rows["offset"] + rows["length"]
        if len(rows) and (rows["offset"].min() < 0 or ends.max() > len(data)):
            raise ValueError("its marker table points past its markers")
        decoder = msgspec.json.Decoder(Marker)
        try:
            self.markers = tuple(
                decoder.decode(data[int(row["offset"]) : int(end)])
                for row, end in zip(rows, ends, strict=True)
            )
        except msgspec.DecodeError as error:
            raise ValueError(f"one of its markers is wrong: {error}") from error
        self._marker_order = rows["order"]

    def _block(self, k: int) -> Block:
        row = self._rows[k]
        offset, n = int(row["offset"]), int(row["n"])
        return Block(
            start=int(row["start"]),
            codes=self._codes[:, offset : offset + n],
            scales=self._scales[int(row["scale_row"])],
            clipped=tuple(int(c) for c in row["clipped"]),
            host_ns=int(row["host_ns"]),
            host_uncertainty_ns=int(row["host_uncertainty_ns"]),
        )


def _contiguous(rows: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield the intervals without a gap."""
    if not len(rows):
        return
    stops = rows["start"] + rows["n"]
    breaks = np.flatnonzero(rows["start"][1:] > stops[:-1]) + 1
    for begin, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
        yield int(rows["start"][begin]), int(stops[end - 1])


def _open(path: Path) -> h5py.File:
    """Open a file plainly, or as one that is, or was, being written."""
    if not path.is_file():
        raise RecordingError(f"there is no file {path}; check the name")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        first = error
    try:
        return h5py.File(path, "r", swmr=True)
    except OSError:
        pass
    if not h5py.is_hdf5(path):
        raise RecordingError(
            f"{path} is not a Wattstage recording: it is no HDF5 file, or its beginning is lost"
        ) from first
    raise RecordingError(
        f"{path} cannot be opened: {_short(first)}; it may be cut short (the copy was interrupted?)"
    ) from first


def _short(error: BaseException) -> str:
    return str(error).strip("'\"").splitlines()[0][:200]
