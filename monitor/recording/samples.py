"""The samples of a recording: by index, which is time, and by place, which counts samples."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.deskew import Deskew
from monitor.dsp.power import total_power
from monitor.dsp.ranges import Extremes
from monitor.dsp.raw_extremes import raw_extremes
from monitor.dsp.scale import to_units
from monitor.errors import RecordingError
from monitor.model import Block, Scale, StreamInfo
from monitor.recording.opening import short

_PASS = 1 << 18  # samples per channel that are read at once


class Samples:
    """The codes of a recording, and what they mean.

    Parameters
    ----------
    path
        Named in errors.
    rows
        ``schema.block_row``, in recorded order.
    scales
        Per row of the table of scales, one per channel.
    codes
        Shape (n_channels, n).
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        rows: NDArray[np.void],
        scales: tuple[tuple[Scale, ...], ...],
        codes: Any,
    ) -> None:
        self._path, self._info = path, info
        self.n_signals = len(info.channels) + 1
        """The channels and the power."""
        self._rows, self._scales, self._codes = rows, scales, codes
        self.starts = np.ascontiguousarray(rows["start"])
        """Index at which each block begins."""
        self.stops = self.starts + rows["n"]
        """Index after each block."""
        self._offsets = np.ascontiguousarray(rows["offset"])
        self._ends = self._offsets + rows["n"]
        self._scale_rows = np.ascontiguousarray(rows["scale_row"])
        self._lead = Deskew(info.channels, info.sample_rate_hz).lead
        self._kept = threading.local()

    @property
    def bounds(self) -> tuple[int, int]:
        """Return the sample indices ``[start, stop)``."""
        return (int(self.starts[0]), int(self.stops[-1])) if len(self.starts) else (0, 0)

    @property
    def n(self) -> int:
        """Return the captured samples per channel."""
        return int((self.stops - self.starts).sum())

    @property
    def dense(self) -> bool:
        """Whether the codes lie one after another, so that an offset is a place."""
        ends = np.concatenate(([0], self._ends))
        return bool((self._offsets == ends[:-1]).all())

    def around(self, start: int, stop: int) -> tuple[int, int]:
        """Return ``[start, stop)``, in dead time to the last sample before and the next after."""
        some = self.stops > self.starts
        starts, stops = self.starts[some], self.stops[some]
        before = int(np.searchsorted(starts, start, side="right")) - 1
        after = int(np.searchsorted(stops, stop))
        if before >= 0:
            start = min(start, int(stops[before]) - 1)
        if after < len(starts):
            stop = max(stop, int(starts[after]) + 1)
        return max(start, self.bounds[0]), min(stop, self.bounds[1])

    def changed(self, start: int, stop: int) -> tuple[tuple[int, int], ...]:
        """Return the ranges of sample indices in ``[start, stop)`` whose codes changed.

        By their checksums: none if there are none. All of these codes are read.
        """
        first = int(np.searchsorted(self.stops, start, side="right"))
        last = int(np.searchsorted(self.starts, stop))
        if first >= last:
            return ()
        found: list[tuple[int, int]] = []
        for begin, end in self._codes.changed(int(self._offsets[first]), int(self._ends[last - 1])):
            a = int(np.searchsorted(self._ends, begin, side="right"))
            b = int(np.searchsorted(self._offsets, end))
            for k in range(max(a, first), min(b, last)):
                at = int(self.starts[k]) - int(self._offsets[k])
                i, j = max(begin + at, int(self.starts[k])), min(end + at, int(self.stops[k]))
                if max(i, start) < min(j, stop):
                    found.append((max(i, start), min(j, stop)))
        return tuple(_joined(found))

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks as they were recorded."""
        for first, last, codes in self._slabs():
            for k in range(first, last):
                begin = int(self._offsets[k]) - int(self._offsets[first])
                n = int(self._ends[k] - self._offsets[k])
                yield self._block(k, codes[:, begin : begin + n].copy())

    def block(self, k: int) -> Block:
        """Return one block, though others may be damaged."""
        return self._block(k, self._read_codes(int(self._offsets[k]), int(self._ends[k])))

    def passing(self) -> Iterator[tuple[int, NDArray[np.float32], float]]:
        """Yield all signals in pieces without a gap.

        Yields
        ------
        start
            Index of the first sample.
        signals : shape (n_channels + 1, n)
            In their units, the power last.
        share
            Of the whole, so far: 0 to 1.
        """
        deskew = Deskew(self._info.channels, self._info.sample_rate_hz)
        for first, last, codes in self._slabs():
            for k, run_stop in self._runs(first, last):
                begin, end = int(self._offsets[k]), int(self._ends[run_stop - 1])
                run = codes[:, begin - int(self._offsets[first]) : end - int(self._offsets[first])]
                signals = np.empty((len(codes) + 1, run.shape[1]), np.float32)
                self._to_signals(run, k, signals)
                deskew.append(int(self.starts[k]), signals)
                yield int(self.starts[k]), signals, float(end / self._ends[-1])

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the signals of ``[start, stop)`` by index.

        Returns
        -------
        shape (n_channels + 1, stop - start)
            In their units, the power last; NaN where nothing was captured.
        """
        deskew = Deskew(self._info.channels, self._info.sample_rate_hz)
        if not deskew.lead:
            return self._read_captured(start, stop)
        return deskew.applied(self._read_captured(start - deskew.lead, max(start, stop)))

    def at(self, begin: int, end: int) -> NDArray[np.float32]:
        """Return the signals of places ``[begin, end)``, shape (n_channels + 1, end - begin).

        None of them is NaN: what was not captured has no place. Of a recording that is ``dense``.
        """
        first, last = self._blocks_at(begin, end)
        out = np.empty((self.n_signals, max(end - begin, 0)), np.float32)
        if first >= last:
            return out
        codes = None if self._lead else self._read_codes(begin, end)
        for k, run_stop in self._runs(first, last):
            a, b = max(begin, int(self._offsets[k])), min(end, int(self._ends[run_stop - 1]))
            part = out[:, a - begin : b - begin]
            if codes is not None:
                self._to_signals(codes[:, a - begin : b - begin], k, part)
            else:
                start = int(self.starts[k]) + a - int(self._offsets[k])
                part[:] = self.read(start, start + b - a)
        return out

    def extremes_at(self, cuts: NDArray[np.int64]) -> Extremes:
        """Return the extremes between places, of signals as ``at`` returns them.

        Parameters
        ----------
        cuts : shape (k + 1,), k > 0
            Ascending, no two the same.

        Returns
        -------
        each of shape (n_channels + 1, k)
        """
        begin, end = int(cuts[0]), int(cuts[-1])
        first, last = self._blocks_at(begin, end)
        scale_rows, firsts = self._scale_rows[first:last], cuts[:-1] - begin
        if self._lead or (scale_rows != scale_rows[0]).any():
            signals = self.at(begin, end)
            return (
                np.minimum.reduceat(signals, firsts, axis=1),
                np.maximum.reduceat(signals, firsts, axis=1),
            )
        codes = self._read_codes(begin, end)
        scales = self._scales[int(scale_rows[0])]
        return raw_extremes(codes, self._info.channels, scales, firsts, self._room(end - begin))

    def _room(self, n: int) -> NDArray[np.float32]:
        """Return room for signals, shape (n_signals, n), until this thread asks again."""
        wanted = self.n_signals * n
        room: NDArray[np.float32] = getattr(self._kept, "room", np.empty(0, np.float32))
        if room.size < wanted:
            self._kept.room = room = np.empty(wanted, np.float32)
        return room[:wanted].reshape(self.n_signals, n)

    def _blocks_at(self, begin: int, end: int) -> tuple[int, int]:
        """Return the first of the blocks that reach into these places, and that after the last."""
        first = int(np.searchsorted(self._ends, begin, side="right"))
        return first, int(np.searchsorted(self._offsets, end))

    def _read_captured(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return samples as ``read``, of every channel when the instrument showed it."""
        out = np.full((self.n_signals, max(stop - start, 0)), np.nan, np.float32)
        first = int(np.searchsorted(self.stops, start, side="right"))
        last = int(np.searchsorted(self.starts, stop))
        if first >= last:
            return out
        skipped = max(0, start - int(self.starts[first]))
        offset = int(self._offsets[first]) + skipped
        end = int(self._ends[last - 1]) - max(0, int(self.stops[last - 1]) - stop)
        codes = self._read_codes(offset, end)
        for k, run_stop in self._runs(first, last):
            begin = max(start, int(self.starts[k]))
            until = min(stop, int(self.stops[run_stop - 1]))
            at = int(self._offsets[k]) + begin - int(self.starts[k]) - offset
            part = out[:, begin - start : until - start]
            self._to_signals(codes[:, at : at + until - begin], k, part)
        return out

    def _block(self, k: int, codes: NDArray[Any]) -> Block:
        row = self._rows[k]
        return Block(
            start=int(row["start"]),
            codes=codes,
            scales=self._scales[int(row["scale_row"])],
            clipped=tuple(row["clipped"].tolist()),
            host_ns=int(row["host_ns"]),
            host_uncertainty_ns=int(row["host_uncertainty_ns"]),
        )

    def _slabs(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield the codes of blocks ``[first, last)``, read at once."""
        first = 0
        while first < len(self._rows):
            limit = int(self._offsets[first]) + _PASS
            last = max(first + 1, int(np.searchsorted(self._ends, limit, side="right")))
            begin, end = int(self._offsets[first]), int(self._ends[last - 1])
            yield first, last, self._read_codes(begin, end)
            first = last

    def _runs(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the blocks of ``[first, last)`` in groups without a gap and of one scale."""
        after, scale_rows = slice(first + 1, last), self._scale_rows
        before = slice(first, last - 1)
        breaks = (self.starts[after] != self.stops[before]) | (
            self._offsets[after] != self._ends[before]
        )
        breaks |= scale_rows[after] != scale_rows[before]
        cuts = (np.flatnonzero(breaks) + first + 1).tolist()
        yield from zip([first, *cuts], [*cuts, last], strict=True)

    def _to_signals(self, codes: NDArray[Any], k: int, out: NDArray[np.float32]) -> None:
        """Put codes of the scale of block ``k`` in units and the power into ``out``."""
        scales = self._scales[int(self._scale_rows[k])]
        to_units(codes, self._info.channels, scales, out=out[:-1])
        total_power(out[:-1], self._info.channels, out=out[-1])

    def _read_codes(self, begin: int, end: int) -> NDArray[Any]:
        try:
            codes: NDArray[Any] = self._codes[:, begin:end]
        except (OSError, RuntimeError, ValueError) as error:
            raise RecordingError(
                f"{self._path}: its codes {begin} to {end} cannot be read: {short(error)}"
            ) from error
        return codes


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges in their order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found
