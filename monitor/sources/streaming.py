"""Records that a scope pushes by itself, such as a Tektronix after ``CURVEStream?``.

Nobody has to ask, so less time is lost between records. Meanwhile the scope listens to nothing,
its front panel is locked, so that what the codes mean cannot change, and any message ends it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitor.config import InstrumentSettings
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS
from monitor.sources.acquisition import DroppedRecord, Record, record_of
from monitor.sources.conversation import Conversation
from monitor.sources.dialect import Preamble
from monitor.sources.record_time import HostTime
from monitor.sources.visa import Framing

_POLL_S = 0.005  # how well the arrival of a record is known
_FRAMING = Framing(line_feeds=0)  # it stands after the last block of a record


class Stream:
    """Takes pushed records from a scope that was set up; not from two threads.

    Parameters
    ----------
    talk
        With the scope, which is stopped and has a record like those to come.
    settings
        Which inputs.
    now_ns
        The host's UTC.
    """

    def __init__(
        self, talk: Conversation, settings: InstrumentSettings, *, now_ns: Callable[[], int]
    ) -> None:
        self._talk = talk
        self._settings = settings
        self._now_ns = now_ns
        self._preambles: list[Preamble] = []
        self._duration_ns = 0
        self._earliest_ns = 0
        """When the next record can have begun at the earliest."""
        self._stop_ns = 0
        """When the record before is believed to have ended."""
        self._latency_ns: int | None = None
        """Most that lies between a record's end and its arrival; None before the first."""
        self._through_ns = 0
        """When the record before was read, and the line free for the next."""

    def start(self) -> None:
        """Let the scope push its records.

        Raises
        ------
        InstrumentError
            If it cannot, or not over this kind of connection.
        """
        talk, dialect = self._talk, self._talk.dialect
        if not dialect.stream:
            raise InstrumentError(
                f"{talk.address} ({talk.identity}) cannot push its records; set stream = false"
            )
        if not talk.link.is_stream:
            raise InstrumentError(
                f"{talk.address}: records are pushed over a SOCKET only; set stream = false, or"
                f" the address to TCPIP::HOST::{dialect.socket_port}::SOCKET"
            )
        self._preambles = [talk.preamble(item.input) for item in self._settings.inputs]
        first = self._preambles[0]
        self._duration_ns = round(first.n_points * first.x_increment_s * NS)
        sources = (dialect.stream_source.format(input=item.input) for item in self._settings.inputs)
        self._earliest_ns = self._now_ns()
        talk.link.write(dialect.stream.format(sources=",".join(sources), count=first.n_points))

    def leave(self) -> None:
        """Let the scope listen again; the connection is of no more use, as records are on it."""
        with contextlib.suppress(InstrumentError):  # it is gone, and pushes nothing more
            self._talk.link.write(self._talk.dialect.stream_end)

    def take(self) -> Record | DroppedRecord:
        """Return the next record.

        Raises
        ------
        ConnectionLostError, ProtocolError
            If none comes, or something else.
        """
        silent_ns = self._await_record()
        time, room_ns = self._time(silent_ns, self._now_ns())
        codes = [self._codes(index) for index in range(len(self._preambles))]
        self._talk.link.check_end_of_blocks()
        self._through_ns = self._now_ns()
        if room_ns > self._duration_ns + (self._latency_ns or 0):
            return DroppedRecord(
                "a record was dropped: it waited to be read, so that its time is known only to"
                f" {room_ns / NS:.3g} s; ask for a lower sample rate, or for BYTE"
            )
        return record_of(codes, self._preambles, time, None)

    def _await_record(self) -> int | None:
        """Return when there was still no record; None if one was there at once."""
        silent_ns: int | None = None
        limit_ns = self._now_ns() + 2 * self._duration_ns + round(self._settings.timeout_s * NS)
        asked_ns = self._now_ns()
        while not self._talk.link.begins_block(_POLL_S):
            silent_ns, asked_ns = asked_ns, self._now_ns()
            if asked_ns > limit_ns:
                raise ConnectionLostError(
                    f"{self._talk.address}: expected a record of {self._duration_ns / NS:g} s to be"
                    " pushed, got none; somebody may have stopped the scope"
                )
        return silent_ns

    def _time(self, silent_ns: int | None, arrived_ns: int) -> tuple[HostTime, int]:
        """Return when a record began, and the ns that it may have begun in.

        It ended before its arrival. The first was armed by us, so nothing later can have been on
        its way for longer, once the line was free. One that was there at once, or may have waited
        for the line, began after the one before it: that is all that is known, and it is believed
        to have followed it closely, as it would have without the wait. Of any other the middle
        of what is possible is believed, unless that lies in the one before it.
        """
        latest_ns, earliest_ns = arrived_ns - self._duration_ns, self._earliest_ns
        has_waited = False
        if self._latency_ns is None:
            self._latency_ns = max(0, latest_ns - earliest_ns)
        elif silent_ns is not None and silent_ns - self._latency_ns >= self._through_ns:
            earliest_ns = max(earliest_ns, silent_ns - self._duration_ns - self._latency_ns)
        else:
            has_waited = True
        earliest_ns = min(earliest_ns, latest_ns)
        likely_ns = earliest_ns if has_waited else (earliest_ns + latest_ns) // 2
        begun_ns = min(max(likely_ns, self._stop_ns), latest_ns)
        self._earliest_ns, self._stop_ns = (
            at_ns + self._duration_ns for at_ns in (earliest_ns, begun_ns)
        )
        time = HostTime(begun_ns, max(begun_ns - earliest_ns, latest_ns - begun_ns))
        return time, latest_ns - earliest_ns

    def _codes(self, index: int) -> NDArray[np.integer]:
        talk, preamble = self._talk, self._preambles[index]
        what = f"input {self._settings.inputs[index].input} of a pushed record"
        if index and not talk.link.begins_block(self._settings.timeout_s):
            raise ConnectionLostError(f"{talk.address}: expected {what}, got nothing in time")
        codes = talk.link.read_block(what, preamble.dtype, _FRAMING)
        if codes.size != preamble.n_points:
            raise ProtocolError(
                f"{talk.address}: expected {preamble.n_points} samples of {what}, got {codes.size}"
            )
        return codes
