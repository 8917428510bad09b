"""Marks the stages that a program's log tells of, known to about a second."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.markers.client import MarkerClient
from monitor.run.patterns import Pattern, attributes, counted
from monitor.workload.spans import Span
from monitor.workload.tracker import Tracker

UNCERTAINTY_S = 1.0
"""How far a line of a log may be from what it tells of: loggers, buffers and GPUs run late or
ahead."""
_LONGEST = 4096  # bytes of a line that are looked at
_BREAK = re.compile(rb"(\r\n|\n|\r)")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # colours, and what moves the cursor


class Lines:
    """Cuts a stream of bytes into lines.

    A progress bar rewrites its line after a carriage return: what it shows is told at once, not
    only when it is rewritten.

    Parameters
    ----------
    told
        Takes a line, without colours, and whether a line feed ended it.
    """

    def __init__(self, told: Callable[[str, bool], None]) -> None:
        self._told = told
        self._rest = b""
        self._is_rewritten = False
        self._last = b""  # that was told before it ended

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *pieces, rest = _BREAK.split(self._rest + data)
        for line, ending in zip(pieces[::2], pieces[1::2], strict=True):
            is_ended = ending != b"\r"
            if line and (is_ended or line != self._last):
                self._tell(line, is_ended)
            self._is_rewritten = not is_ended
            self._last = b""
        self._rest = rest[:_LONGEST]
        if self._is_rewritten and self._rest and self._rest != self._last:
            self._last = self._rest
            self._tell(self._rest, False)

    def _tell(self, line: bytes, is_ended: bool) -> None:
        self._told(_CONTROL.sub("", line[:_LONGEST].decode("utf-8", "replace")), is_ended)


@dataclass(slots=True)
class _Bar:
    """A progress bar: how many steps are done, and since when."""

    done: int
    since_ns: int


class _LineTime:
    """Takes as time when a line came."""

    def __init__(self) -> None:
        self.now_ns = 0

    def edge(self, told: Callable[[int, str, float], None]) -> None:
        """Tell the time of the line."""
        told(self.now_ns, "log", UNCERTAINTY_S)

    def close(self) -> None:
        """Have nothing left to tell."""


class LogStages:
    """The stages that the lines of a program tell of; threads may share it.

    Parameters
    ----------
    client
        Sends the markers.
    parent_id
        Span id of the run.
    patterns
        What the lines mean; every one that is found in a line applies, in order.
    """

    def __init__(self, client: MarkerClient, parent_id: str, patterns: Sequence[Pattern]) -> None:
        self._time = _LineTime()
        self._tracker = Tracker(lambda: client, self._time, parent_id)
        self._patterns = patterns
        self._bars: dict[int, _Bar] = {}
        self._lock = threading.Lock()

    def line(self, text: str, is_ended: bool, time_ns: int) -> None:
        """Take a line that came at a time, in ns of UTC."""
        with self._lock:
            self._time.now_ns = max(self._time.now_ns, time_ns)
            for k, pattern in enumerate(self._patterns):
                match = pattern.regex.search(text)
                if match is None:
                    continue
                if pattern.settings.step:
                    self._count(k, pattern, match, is_ended)
                else:
                    self._apply(pattern, match)

    def finish(self, time_ns: int, status: str) -> None:
        """End what is open."""
        with self._lock:
            self._time.now_ns = max(self._time.now_ns, time_ns)
            self._tracker.close_all(status)

    def _apply(self, pattern: Pattern, match: re.Match[str]) -> None:
        told = pattern.settings
        self._surround(pattern)
        if told.begin:
            self._end(told.begin)
            self._tracker.open(
                told.begin,
                index=counted(match, "index"), total=counted(match, "total"), **attributes(match),
            )  # fmt: skip
        if told.point:
            self._tracker.point(
                told.point,
                time_ns=self._time.now_ns,
                timing="log",
                uncertainty_s=UNCERTAINTY_S,
                **attributes(match),
            )

    def _count(self, k: int, pattern: Pattern, match: re.Match[str], is_ended: bool) -> None:
        done, total = counted(match, "done"), counted(match, "total")
        if done is None:
            return
        now_ns, bar = self._time.now_ns, self._bars.get(k)
        is_full = is_ended or (total is not None and done >= total)
        if bar is None or done < bar.done:
            if is_full:  # shown once more
                return
            self._surround(pattern)
            self._bars[k] = _Bar(done, now_ns)
        elif done > bar.done:
            self._step(pattern, bar, done, total)
            self._bars[k] = _Bar(done, now_ns)
        if is_full:
            del self._bars[k]
            if pattern.settings.within:
                self._end(pattern.settings.within[-1])

    def _step(self, pattern: Pattern, bar: _Bar, done: int, total: int | None) -> None:
        """Mark what is done since the bar was shown last, which may be several steps."""
        now_ns, n = self._time.now_ns, done - bar.done
        self._time.now_ns = bar.since_ns
        many = {"steps": n} if n > 1 else {}
        span = self._tracker.open(pattern.settings.step, index=bar.done, total=total, **many)
        self._time.now_ns = now_ns
        self._tracker.close(span)

    def _surround(self, pattern: Pattern) -> None:
        for stage in pattern.settings.end:
            self._end(stage)
        for stage in pattern.settings.within:
            if self._tracker.innermost(stage) is None:
                self._tracker.open(stage)

    def _end(self, stage: str) -> None:
        span: Span | None = self._tracker.innermost(stage)
        if span is not None:
            self._tracker.close(span)
