"""What answers about the power of a recording: its summaries if they hold, else all samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from monitor.dsp.track import Track
from monitor.model import StreamInfo, Supply
from monitor.recording.in_memory import InMemory
from monitor.recording.levels import Levels, UnusableSummariesError
from monitor.recording.samples import Samples
from monitor.recording.stored import Stored

T = TypeVar("T")

_MOST_MISSING = 1 << 20  # samples that are not in the summaries of a file which was cut short
_DECIDING_S = 0.01  # samples that are looked at together, until it is known what feeds the computer


class Answers:
    """Asks the summaries of a file; once they are found to be damaged, its samples.

    Parameters
    ----------
    levels
        The summaries of each stretch of files that follow one another; none if some do not hold.
    tell
        Told why they are not used any more.
    progress
        Told the share of the samples that is reduced, 0 to 1; may raise to cancel.
    """

    def __init__(
        self,
        path: Path,
        info: StreamInfo,
        samples: Samples,
        levels: Sequence[Levels],
        *,
        tell: Callable[[str], None],
        progress: Callable[[float], None] | None,
    ) -> None:
        self._path, self._info, self._samples = path, info, samples
        self._levels, self._tell, self._progress = tuple(levels), tell, progress

    def ask(self, question: Callable[[Stored | InMemory], T]) -> T:
        """Return the answer to a question.

        Raises
        ------
        RecordingError
            If samples cannot be read, or do not fit in the memory.
        """
        try:
            return question(self.reduced)
        except UnusableSummariesError as error:
            self._levels = ()
            self.__dict__.pop("reduced", None)
            self._tell(f"its summaries are not used: {error}")
        return question(self.reduced)

    @cached_property
    def reduced(self) -> Stored | InMemory:
        """Return what answers."""
        levels, samples = self._levels, self._samples
        if levels and samples.dense and max(each.n_missing for each in levels) <= _MOST_MISSING:
            return Stored(samples, levels, self._supply(), self._info.sample_rate_hz)
        return InMemory(self._path, self._info, samples, self._progress)

    def _supply(self) -> Supply:
        """Return what feeds the computer, found as when it was recorded."""
        info, rate = self._info, self._info.sample_rate_hz
        track = Track(info.channels, rate, info.supply, capacity=math.ceil(rate))
        unknown = track.supply is Supply.AUTO
        for start, signals, _ in self._samples.passing() if unknown else ():
            done = 0
            while track.supply is Supply.AUTO and done < signals.shape[1]:
                part = signals[:, done : done + math.ceil(rate * _DECIDING_S)]
                track.append(start + done, part)
                done += part.shape[1]
            if track.supply is not Supply.AUTO:
                break
        return track.supply
