"""Reads a recording: one that is closed, one that is being written, one whose writer died."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.dsp.deskew import Deskew
from monitor.dsp.power import total_power
from monitor.dsp.scale import to_units
from monitor.dsp.stages import StageTree
from monitor.dsp.track import Track
from monitor.dsp.view import view_of
from monitor.errors import RecordingError
from monitor.model import Block, Marker, Reading, Supply, Timeline, View
from monitor.recording.contents import load
from monitor.recording.opening import open_file, short
from monitor.recording.room import check_room
from monitor.recording.slow import SlowReadings

_PASS = 1 << 18  # samples per channel that are read at once
_MAX_RAMP_WINDOWS_S = (0.1, 1.0, 10.0)
_MAX_STAGES = 4000  # of one timeline: more than there are pixel columns to draw them in


class Recording:
    """A session in a file.

    Opens at once; the samples are reduced at the first question that needs it. Of a file that is
    being written, or whose writer died, it holds the blocks that were there, every marker and
    reading that came before them, and perhaps some that came after.

    Parameters
    ----------
    path
        The file.
    progress
        Told the share that is reduced, 0 to 1; may raise to cancel.

    Raises
    ------
    RecordingError
        If it is not a recording, or is damaged beyond what can be read. Every method that reads
        samples may raise it too.
    """

    def __init__(self, path: Path, *, progress: Callable[[float], None] | None = None) -> None:
        self.path = Path(path)
        self._progress = progress
        self._file, whole = open_file(self.path)
        try:
            contents = load(self._file, self.path, whole=whole)
        except RecordingError:
            self._file.close()
            raise
        except (OSError, RuntimeError, LookupError, TypeError, ValueError, MemoryError) as error:
            self._file.close()
            raise RecordingError(
                f"{path} is damaged: {short(error)}; copy it again if there is an original"
            ) from error
        self.schema_version = contents.schema_version
        self.info = contents.info
        self.settings = contents.settings
        self.corrections = contents.corrections
        """Of the probes, oldest first; what they are now is in ``info``."""
        self.markers = contents.markers
        self.slow = SlowReadings(contents.slow_channels, contents.readings)
        self.closed = contents.closed
        """Whether its recorder ended it as asked, and all of it is there."""
        self._marker_order = contents.marker_order
        self._scales = contents.scales
        self._codes = contents.codes
        self._rows = contents.blocks
        self._starts = np.ascontiguousarray(self._rows["start"])
        self._stops = self._starts + self._rows["n"]
        self._offsets = np.ascontiguousarray(self._rows["offset"])
        self._ends = self._offsets + self._rows["n"]

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
        """Close the file; no samples can be read afterwards."""
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
        return (int(self._starts[0]), int(self._stops[-1])) if len(self._rows) else (0, 0)

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
        return int(np.count_nonzero(self._starts[1:] > self._stops[:-1]))

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
        for first, last, codes in self._slabs():
            for k in range(first, last):
                row = self._rows[k]
                begin = int(row["offset"]) - int(self._offsets[first])
                yield Block(
                    start=int(row["start"]),
                    codes=codes[:, begin : begin + int(row["n"])].copy(),
                    scales=self._scales[int(row["scale_row"])],
                    clipped=tuple(row["clipped"].tolist()),
                    host_ns=int(row["host_ns"]),
                    host_uncertainty_ns=int(row["host_uncertainty_ns"]),
                )

    def items(self) -> Iterator[Block | Marker | Reading]:
        """Yield blocks, markers and readings in the order in which they were recorded."""
        blocks: Iterator[tuple[int, Block | Marker | Reading]] = zip(
            self._rows["order"].tolist(), self.blocks(), strict=True
        )
        markers = zip(self._marker_order.tolist(), self.markers, strict=True)
        readings = zip(self.slow.order.tolist(), self.slow, strict=True)
        for _, item in heapq.merge(blocks, markers, readings, key=itemgetter(0)):
            yield item

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of ``[start, stop)`` in their units, the power last.

        Returns
        -------
        shape (n_signals, stop - start)
            NaN where nothing was captured.
        """
        deskew = Deskew(self.info.channels, self.info.sample_rate_hz)
        if not deskew.lead:
            return self._read_captured(start, stop)
        return deskew.applied(self._read_captured(start - deskew.lead, max(start, stop)))

    def _read_captured(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return samples as ``read``, of every channel when the instrument showed it."""
        n_signals = len(self.info.channels) + 1
        out = np.full((n_signals, max(stop - start, 0)), np.nan, np.float32)
        first = int(np.searchsorted(self._stops, start, side="right"))
        last = int(np.searchsorted(self._starts, stop))
        if first >= last:
            return out
        skipped = max(0, start - int(self._starts[first]))
        offset = int(self._offsets[first]) + skipped
        end = int(self._ends[last - 1]) - max(0, int(self._stops[last - 1]) - stop)
        codes = self._read_codes(offset, end)
        for k, run_stop in self._runs(first, last):
            begin = max(start, int(self._starts[k]))
            until = min(stop, int(self._stops[run_stop - 1]))
            at = int(self._offsets[k]) + begin - int(self._starts[k]) - offset
            part = out[:, begin - start : until - start]
            self._to_signals(codes[:, at : at + until - begin], k, part)
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

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in W: mean of a line cycle on mains, sample on DC."""
        return self._track.peak(start, stop, self.read)

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        return self._track.steady(edges, self.read)

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
        check_room(self.path, self.info, stop - start)
        track = Track(
            self.info.channels,
            self.info.sample_rate_hz,
            self.info.supply,
            capacity=max(stop - start, 1),
            ramp_windows_s=_MAX_RAMP_WINDOWS_S,
        )
        deskew = Deskew(self.info.channels, self.info.sample_rate_hz)
        for first, last, codes in self._slabs():
            for k, run_stop in self._runs(first, last):
                begin, end = int(self._offsets[k]), int(self._ends[run_stop - 1])
                run = codes[:, begin - int(self._offsets[first]) : end - int(self._offsets[first])]
                signals = np.empty((len(codes) + 1, run.shape[1]), np.float32)
                self._to_signals(run, k, signals)
                deskew.append(int(self._starts[k]), signals)
                track.append(int(self._starts[k]), signals)
            if self._progress is not None:
                self._progress(float(self._ends[last - 1] / self._ends[-1]))
        return track

    def _slabs(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield the codes of blocks ``[first, last)``, read at once."""
        first = 0
        while first < len(self._rows):
            limit = int(self._offsets[first]) + _PASS
            last = max(first + 1, int(np.searchsorted(self._ends, limit, side="right")))
            yield (
                first,
                last,
                self._read_codes(int(self._offsets[first]), int(self._ends[last - 1])),
            )
            first = last

    def _runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the blocks of ``[first, last)`` in groups without a gap and of one scale."""
        after, scale_rows = slice(first + 1, last), self._rows["scale_row"]
        before = slice(first, last - 1)
        breaks = (self._starts[after] != self._stops[before]) | (
            self._offsets[after] != self._ends[before]
        )
        breaks |= scale_rows[after] != scale_rows[before]
        cuts = (np.flatnonzero(breaks) + first + 1).tolist()
        yield from zip([first, *cuts], [*cuts, last], strict=True)

    def _to_signals(self, codes: NDArray[Any], k: int, out: NDArray[np.float32]) -> None:
        """Put codes of the scale of block ``k`` in units and the power into ``out``."""
        scales = self._scales[int(self._rows["scale_row"][k])]
        to_units(codes, self.info.channels, scales, out=out[:-1])
        total_power(out[:-1], self.info.channels, out=out[-1])

    def _read_codes(self, begin: int, end: int) -> NDArray[Any]:
        try:
            codes: NDArray[Any] = self._codes[:, begin:end]
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordingError(
                f"{self.path}: its codes {begin} to {end} cannot be read: {short(error)}"
            ) from error
        return codes
