"""One acquisition: arm, wait until the record is done, read every input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.config import InstrumentSettings
from monitor.errors import ConnectionLostError
from monitor.model import NS, Scale
from monitor.sources.codes import n_clipped, pieces
from monitor.sources.conversation import Conversation
from monitor.sources.dialect import Preamble
from monitor.sources.dialects.replies import number
from monitor.sources.record_time import HostTime, Sightings, host_time

_POLL_S = 0.001
_EARLY_S = 0.002  # polling begins so long before the record can be done
_CLOSELY = 0.005  # of a record, between two queries
_MOST_PIECES = 64  # of a record with holes; more would be an instrument in a sparse mode


class StoppedError(Exception):
    """The source is being closed."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one acquisition gave."""

    codes: NDArray[np.integer]
    """Shape (n_channels, n_samples)."""
    scales: tuple[Scale, ...]
    pieces: tuple[tuple[int, int], ...]
    """Intervals ``[first, last)`` of the samples between holes; usually one."""
    clipped: tuple[tuple[int, ...], ...]
    """By piece, then channel."""
    x_increment_s: float
    time: HostTime
    """Of the first sample."""
    tag_s: float | None
    """Of the first sample, on the instrument's own clock; None if it does not tell."""

    @property
    def n_samples(self) -> int:
        """Return the samples per channel."""
        return int(self.codes.shape[1])


@dataclass(frozen=True, slots=True)
class DroppedRecord:
    """A record that does not fit into the stream."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Look:
    sent_ns: int
    answered_ns: int
    is_running: bool


class Acquisition:
    """Takes records from an instrument that was set up; not from two threads.

    Parameters
    ----------
    talk
        With the instrument.
    settings
        Which inputs.
    duration_s
        Of a record, as the instrument announced it.
    now_ns
        The host's UTC.
    pause
        Waits for some seconds; StoppedError if the source is being closed.
    """

    def __init__(
        self,
        talk: Conversation,
        settings: InstrumentSettings,
        duration_s: float,
        *,
        now_ns: Callable[[], int],
        pause: Callable[[float], None],
    ) -> None:
        self.duration_s = duration_s
        """Of the newest record."""
        self.has_tags: bool | None = None
        """Whether the instrument tells when a record began; None until that is known."""
        self.is_continuous = False
        """Whether a record begins where the previous one ended."""
        self.gap_s = 0.0
        """Between the newest record and the one before, by the host's clock; 0 before both."""
        self._talk = talk
        self._settings = settings
        self._now_ns = now_ns
        self._pause = pause
        self._x_increment_s: float | None = None
        self._stop_ns: int | None = None
        self._scales: tuple[Scale, ...] | None = None
        """Of the newest record, of a family that tells how its knobs stand now."""

    def take(self, *, closely: bool = False) -> Record | DroppedRecord:
        """Return the next record.

        Parameters
        ----------
        closely
            Ask whether it is done from its beginning on, not only when it should be. That finds
            the end of a record that began at an unknown time.

        Raises
        ------
        ConnectionLostError, ProtocolError
            If the instrument does not answer, or not as it should.
        StoppedError
            If the source is being closed.
        """
        seen = self._watch(closely=closely)
        tag_s = self._tag()
        codes: list[NDArray[np.integer]] = []
        preambles: list[Preamble] = []
        for item in self._settings.inputs:
            preamble = self._talk.preamble(item.input)
            preambles.append(preamble)
            misfit = self._misfit(preamble, preambles[0])
            if misfit:
                return DroppedRecord(f"a record was dropped: input {item.input} gave {misfit}")
            codes.append(self._talk.samples(item.input, preamble))
        if self._is_turned(preambles):
            return DroppedRecord(
                "a record was dropped: the scale of an input was changed while it was taken"
            )
        first = preambles[0]
        self._x_increment_s = first.x_increment_s
        self.duration_s = first.n_points * first.x_increment_s
        duration_ns = round(self.duration_s * NS)
        time = host_time(seen, duration_ns, is_continuous=self.is_continuous)
        if self._stop_ns is not None:
            self.gap_s = max(0, time.ns - self._stop_ns) / NS
        self._stop_ns = time.ns + duration_ns
        if tag_s is None and self.has_tags is not False:
            tag_s = first.tag_s
        return record_of(codes, preambles, time, tag_s)

    def _watch(self, *, closely: bool) -> Sightings:
        """Arm, and wait until the record is done."""
        first = last = self._look(self._talk.dialect.arm)
        due_ns = first.sent_ns + round(self.duration_s * NS)
        limit_ns = 2 * due_ns - first.sent_ns + round(self._settings.timeout_s * NS)
        if self.is_continuous and self._stop_ns is not None:
            due_ns = min(due_ns, self._stop_ns + round(self.duration_s * NS))
        poll_s = max(_POLL_S, self.duration_s * _CLOSELY) if closely else _POLL_S
        lags = self._talk.dialect.state_lags and not self.is_continuous
        believed_ns = due_ns - round(_EARLY_S * NS) if lags else first.sent_ns
        running_sent_ns: int | None = None
        while last.is_running or (running_sent_ns is None and last.sent_ns < believed_ns):
            if last.is_running:
                running_sent_ns = last.sent_ns
            if last.answered_ns > limit_ns:
                raise ConnectionLostError(
                    f"{self._settings.address}: expected a record of {self.duration_s:g} s to be"
                    f" done, got none in {(limit_ns - first.sent_ns) / NS:g} s; somebody may be"
                    " using the scope"
                )
            due_s = (due_ns - last.answered_ns) / NS - _EARLY_S
            self._pause(poll_s if closely else max(due_s, poll_s))
            last = self._look(self._talk.dialect.running)
        return Sightings(first.sent_ns, first.answered_ns, running_sent_ns, last.answered_ns)

    def _look(self, query: str) -> _Look:
        sent_ns = self._now_ns()
        is_running = not self._talk.ask(query, self._talk.dialect.is_done)
        return _Look(sent_ns, self._now_ns(), is_running)

    def _tag(self) -> float | None:
        query = self._talk.dialect.record_time
        return self._talk.ask(query, number) if self.has_tags and query else None

    def _is_turned(self, preambles: Sequence[Preamble]) -> bool:
        """Return whether a knob may have been turned since the codes were taken.

        A record is sure to have been taken as the knobs stand if they stood so after the one
        before it.
        """
        if not self._talk.dialect.is_of_panel:
            return False
        scales = tuple(preamble.scale for preamble in preambles)
        before, self._scales = self._scales, scales
        return before not in {None, scales}

    def _misfit(self, preamble: Preamble, first: Preamble) -> str:
        """Return what of an input's part does not fit; empty if all does."""
        x_increment_s = self._x_increment_s or first.x_increment_s
        if preamble.n_points == first.n_points and math.isclose(
            preamble.x_increment_s, x_increment_s, rel_tol=1e-6
        ):
            return ""
        return (
            f"{preamble.n_points} samples every {preamble.x_increment_s:g} s, expected"
            f" {first.n_points} every {x_increment_s:g} s; set the timebase back at the scope, or"
            " begin a new session"
        )


def record_of(
    codes: Sequence[NDArray[np.integer]],
    preambles: Sequence[Preamble],
    time: HostTime,
    tag_s: float | None,
) -> Record | DroppedRecord:
    """Return the record that the codes of each input are, each of shape (n_samples,)."""
    first = preambles[0]
    stacked = np.stack(codes)
    parts = pieces(stacked, first.hole)
    if not 1 <= len(parts) <= _MOST_PIECES:
        return DroppedRecord(
            f"a record was dropped: its holes leave {len(parts)} pieces, expected 1 to"
            f" {_MOST_PIECES}; choose a timebase that the scope samples in real time"
        )
    return Record(
        codes=stacked.astype(stacked.dtype.newbyteorder("="), copy=False),
        scales=tuple(preamble.scale for preamble in preambles),
        pieces=parts,
        clipped=tuple(
            tuple(n_clipped(row[a:b], p) for row, p in zip(stacked, preambles, strict=True))
            for a, b in parts
        ),
        x_increment_s=first.x_increment_s,
        time=time,
        tag_s=tag_s,
    )
