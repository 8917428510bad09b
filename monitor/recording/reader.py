"""Reads a recording: one that is closed, one that is being written, one whose writer died."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitor.config import Compression
from monitor.dsp.stages import StageTree
from monitor.dsp.view import view_of
from monitor.errors import RecordingError
from monitor.model import Block, Marker, Reading, Summary, Supply, Timeline, View
from monitor.recording import marks, notes, schema
from monitor.recording.answers import Answers
from monitor.recording.compression import compression_of
from monitor.recording.contents import Contents, load
from monitor.recording.joined import load_parts
from monitor.recording.levels import Levels
from monitor.recording.opening import open_file, short
from monitor.recording.samples import Samples
from monitor.recording.slow import SlowReadings

logger = logging.getLogger(__name__)

_MAX_STAGES = 4000  # of one timeline: more than there are pixel columns to draw them in


class Recording:
    """A session in a file.

    Of one that is split, name the first file. Opens at once, and answers from the summaries in the
    file. A file without them, or whose probes were corrected since, is reduced in memory at the
    first question. Of a file that is being written, or whose writer died, it holds the blocks that
    were there, every marker and reading that came before them, and perhaps some that came after.

    Parameters
    ----------
    path
        The file.
    progress
        Told the share that is reduced, 0 to 1; may raise to cancel.
    only_sound
        Whether to leave out what changed since it was recorded, by its checksums, but for codes.

    Raises
    ------
    RecordingError
        If it is not a recording, or is damaged beyond what can be read. Every method that reads
        samples may raise it too.
    """

    def __init__(
        self,
        path: Path,
        *,
        progress: Callable[[float], None] | None = None,
        only_sound: bool = False,
    ) -> None:
        self.path = Path(path)
        self._only_sound = only_sound
        self._files: list[h5py.File] = []
        """Of a recording that is split, all from the given one on."""
        try:
            contents = load_parts(self.path, self._load, self._drop)
        except BaseException:
            self.close()
            raise
        self.part = contents.part.number
        """Number of the file among those of a recording that is split, from 1."""
        self.schema_version = contents.schema_version
        self.info = contents.info
        self.settings = contents.settings
        self.corrections = contents.corrections
        """Of the probes, oldest first; what they are now is in ``info``."""
        self.ended = contents.ended
        """Whether its recorder ended it as asked, every file of it that is there."""
        self.closed = contents.ended and not contents.lost
        """Whether its recorder ended it as asked, and all of it is there."""
        self.lost = contents.lost
        """What should be in it and cannot be read, one sentence each."""
        self.damage = contents.damage
        """What is not as it was recorded, by its checksums, one sentence each; not the codes."""
        self.unused = contents.unused
        """Why the summaries in it are not used; empty if they are, or were of other probes."""
        self._levels = contents.levels
        """Summaries of each stretch of files that follow one another; none if some do not hold."""
        self._rows = contents.blocks
        self._recorded = (
            tuple(zip(contents.marker_order.tolist(), contents.markers, strict=True)),
            notes.recorded(contents.settings),
        )
        self.lost = (*self.lost, *self._take_marks())
        self.slow = SlowReadings(contents.slow_channels, contents.readings, self.markers)
        self._samples = Samples(self.path, self.info, self._rows, contents.scales, contents.codes)
        self._answers = Answers(
            self.path,
            self.info,
            self._samples,
            self._levels,
            tell=self._leave_summaries,
            progress=progress,
        )

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
        for file in self._files:
            file.close()

    @property
    def levels(self) -> Levels | None:
        """Return the summaries of all that was recorded; None if they do not hold, or not all."""
        one = self._levels[0] if len(self._levels) == 1 else None
        return one if one is not None and one.first == 0 else None

    @property
    def has_summaries(self) -> bool:
        """Return whether there are summaries that hold for all that is here."""
        return bool(self._levels)

    @property
    def n_files(self) -> int:
        """Return how many files it lies in."""
        return len(self._files)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files it lies in, the first first."""
        return tuple(Path(file.filename) for file in self._files)

    @property
    def compression(self) -> Compression:
        """Return how its codes are compressed, in the first file."""
        return compression_of(self._files[0][schema.CODES])

    @property
    def n_stored(self) -> int:
        """Return the bytes that its codes take on the disk."""
        return sum(file[schema.CODES].id.get_storage_size() for file in self._files)

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
        return self._samples.bounds

    @property
    def n_samples(self) -> int:
        """Return the captured samples per channel."""
        return self._samples.n

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks."""
        return len(self._rows)

    @property
    def n_gaps(self) -> int:
        """Return how often samples are missing between two blocks."""
        return int(np.count_nonzero(self._samples.starts[1:] > self._samples.stops[:-1]))

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
        return self._answers.ask(lambda reduced: reduced.supply)

    @property
    def peak_window_s(self) -> float:
        """Return over what a peak is a mean: a line cycle on mains, a sample on DC."""
        return self._answers.ask(lambda reduced: reduced.peak_window_s)

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks as they were recorded."""
        return self._samples.blocks()

    def block(self, k: int) -> Block:
        """Return the block of that number."""
        return self._samples.block(k)

    def changed(self, start: int, stop: int) -> tuple[tuple[int, int], ...]:
        """Return the ranges of ``[start, stop)`` whose codes are not as they were recorded.

        All of them are read, and compared with their checksums if the file has some.
        """
        return self._samples.changed(start, stop)

    def passing(self) -> Iterator[tuple[int, NDArray[np.float32], float]]:
        """Yield all signals in pieces without a gap: start, samples, share of the whole."""
        return self._samples.passing()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what is to be said beside its numbers, one sentence each, the worst last."""
        return (*filter(None, [self.unused]), *self.lost, *self.damage)

    @property
    def host_times_ns(self) -> NDArray[np.int64]:
        """Return the UTC of each block's first sample, by the host's clock."""
        return np.ascontiguousarray(self._rows["host_ns"])

    def block_length(self, k: int) -> int:
        """Return the samples of the block of that number."""
        return int(self._rows["n"][k])

    def blocks_between(self, start: int, stop: int) -> range:
        """Return the numbers of the blocks that reach into ``[start, stop)``."""
        first = int(np.searchsorted(self._samples.stops, start, side="right"))
        return range(first, int(np.searchsorted(self._samples.starts, stop)))

    def around(self, start: int, stop: int) -> tuple[int, int]:
        """Return a span widened so that it begins and ends with captured samples, if there are."""
        return self._samples.around(start, stop)

    def items(
        self, blocks: Iterable[tuple[int, Block]] | None = None
    ) -> Iterator[Block | Marker | Reading]:
        """Yield blocks, markers and readings in the order in which they were recorded.

        Parameters
        ----------
        blocks
            Which, by number; None is all of them.
        """
        numbered = enumerate(self.blocks()) if blocks is None else blocks
        order = self._rows["order"]
        placed: Iterator[tuple[int, Block | Marker | Reading]] = (
            (int(order[k]), block) for k, block in numbered
        )
        markers = zip(self._marker_order, self.markers, strict=True)
        readings = zip(self.slow.order.tolist(), self.slow, strict=True)
        for _, item in heapq.merge(placed, markers, readings, key=itemgetter(0)):
            yield item

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples of ``[start, stop)`` in their units, the power last.

        Returns
        -------
        shape (n_signals, stop - start)
            NaN where nothing was captured.
        """
        return self._samples.read(start, stop)

    def view(
        self,
        start: int,
        stop: int,
        n_columns: int,
        average_windows_s: Sequence[float],
        ramp_windows_s: Sequence[float],
    ) -> View:
        """Return what a plot of ``[start, stop)`` needs; any span, any number of columns."""
        return self._answers.ask(
            lambda reduced: view_of(
                reduced,
                reduced.envelope(start, stop, n_columns),
                average_windows_s,
                ramp_windows_s,
            )
        )

    def cumulative(self, indices: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the running sums of the signals and the captured samples before each index."""
        at = np.atleast_1d(np.asarray(indices, np.int64))
        return self._answers.ask(lambda reduced: reduced.cumulative(at))

    def summary(self, start: int, stop: int) -> tuple[Summary, ...]:
        """Return the exact summary of each signal over ``[start, stop)``, the power last."""
        return self._answers.ask(lambda reduced: reduced.summary(start, stop))

    def peak(self, start: int, stop: int) -> float:
        """Return the highest power in W: mean of a line cycle on mains, sample on DC."""
        return self._answers.ask(lambda reduced: reduced.peak(start, stop))

    def steady(self, edges: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what may stand for dead time between neighbouring edges; see ``Track.steady``."""
        return self._answers.ask(lambda reduced: reduced.steady(edges))

    def ramp_extremes(self, window_s: float) -> tuple[float, float]:
        """Return the highest and lowest ramp rate over 0.1, 1 or 10 s, in W/s."""
        return self._answers.ask(lambda reduced: reduced.ramp_extremes(window_s))

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

    def _leave_summaries(self, why: str) -> None:
        logger.warning("%s: %s", self.path, why)
        self._levels, self.unused = (), why

    def reread_marks(self) -> None:
        """Know what was edited by hand since it was opened."""
        self._take_marks()
        self.__dict__.pop("stage_tree", None)

    def _take_marks(self) -> tuple[str, ...]:
        """Know the markers of the file, and the marks and notes beside it; return what is lost."""
        edits, wrong = marks.read(self.path)
        if wrong:
            logger.warning("%s", wrong)
        starts, order = self._rows["start"], self._rows["order"]

        def place(time_ns: int) -> int:
            k = int(np.searchsorted(starts, self.info.index_at(time_ns), side="right")) - 1
            return int(order[k]) if k >= 0 else -1

        recorded, self.notes = self._recorded
        placed = list(recorded)
        if edits:
            placed, self.notes = marks.apply(edits, placed, place, self.notes)
        """On the session, by hand, oldest first."""
        self.markers = tuple(marker for _, marker in placed)
        """As recorded, and as they were edited by hand since."""
        self._marker_order = [at for at, _ in placed]
        return (wrong,) if wrong else ()

    def _load(self, path: Path) -> Contents:
        file, whole = open_file(path)
        self._files.append(file)
        try:
            return load(file, path, whole=whole, only_sound=self._only_sound)
        except RecordingError:
            self._drop()
            raise
        except (OSError, RuntimeError, LookupError, TypeError, ValueError, MemoryError) as error:
            self._drop()
            raise RecordingError(
                f"{path} is damaged: {short(error)}; copy it again if there is an original"
            ) from error

    def _drop(self) -> None:
        self._files.pop().close()
