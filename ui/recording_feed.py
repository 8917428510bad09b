"""A recording to look at: all of it on the plots, the numbers at the playhead, and a replay."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from monitor.analysis.stage_table import stage_table
from monitor.dsp.span import measured
from monitor.errors import EngineError, RecordingError
from monitor.model import (
    NS,
    Frame,
    Metrics,
    Notebook,
    Snapshot,
    SpanNumbers,
    StageEnergy,
    StageTable,
    Timeline,
)
from monitor.recording import by_hand, marks
from monitor.recording.marks import Edit
from monitor.recording.reader import Recording
from ui.feed import NOT_YET, EngineFeed, FrameRequest
from ui.flaws import flaws
from ui.replay import ReplayProcess
from ui.still_numbers import AVERAGES_S, RAMPS_S, StillNumbers

_NOW = FrameRequest(None, None, 1, 1)


class RecordingFeed:
    """Implements ``Feed`` over a file, and over an engine of its own while it replays.

    Parameters
    ----------
    path
        The recording.

    Raises
    ------
    RecordingError
        If it is not a recording.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._stack = contextlib.ExitStack()
        self.progress = 0.0
        self._abandoned = False
        self._recording = self._stack.enter_context(Recording(path, progress=self._read_so_far))
        self._info = self._recording.info
        self._first, self._last = self._recording.bounds
        self._playhead = self._last
        self._speed = 1.0
        self._held = False
        self._still: Snapshot | None = None  # the numbers at the playhead while nothing plays
        self._seen = False
        self._numbers = StillNumbers(self._recording, self.name)
        self._asked: FrameRequest | None = None
        self._player: tuple[ReplayProcess, EngineFeed] | None = None

    def frame(self, request: FrameRequest) -> Frame:
        """Return the numbers at the playhead, and a view of the file."""
        if self._last <= self._first:
            return Frame(self._told(self._snapshot()), None, Timeline(stages=(), marks=()))
        moves, self._asked = request != self._asked, request
        start, stop = request.start, request.stop
        if start is None or stop is None:
            start, stop = self._last - request.span, self._last
            if not self._seen:  # who asks does not know yet that this is a recording
                start = self._first
        self._seen = True
        start = min(max(start, self._first), self._last - 1)
        stop = min(max(stop, start + 1), self._last)
        view = self._recording.view(start, stop, request.n_columns, AVERAGES_S, RAMPS_S)
        info = self._info
        span = info.time_ns(start), info.time_ns(stop)
        timeline = self._recording.timeline(*span)
        slow = self._recording.slow.view(*span, request.n_columns)
        self.progress = 1.0
        return Frame(self._told(self._snapshot(moves=moves)), view, timeline, slow)

    def table(self) -> StageTable:
        """Return the stage table of the whole recording."""
        return stage_table(self._recording, self.name)

    def measured(self, start: int, stop: int) -> SpanNumbers:
        """Return what was measured between two instants."""
        start = min(max(start, self._first), self._last)
        stages = self._recording.stage_tree.stages(self._info.time_ns(self._last))
        stop = min(max(stop, start), self._last)
        return measured(stages, self._info, start, stop, self._recording)

    def mark(self, text: str, time_ns: int) -> None:
        """Put a mark by hand beside the file."""
        self._check_time(time_ns)
        self._keep(Edit(do="add", marker=marks.new_mark(text, time_ns)))

    def edit(self, edit: Edit) -> None:
        """Edit what was written by hand, beside the file."""
        if edit.do == "move":
            self._check_time(edit.time_ns)
        by_hand.check(edit, self.notebook(), self.name)
        self._keep(marks.new_note(edit.text) if edit.do == "note" else edit)

    def undo(self) -> str:
        """Take back the newest edit beside the file, whoever made it."""
        held, _ = marks.history(marks.read(self._path)[0])
        if not held:
            raise EngineError(f"{self.name} has no edit beside it that could be taken back")
        self._keep(Edit(do="undo"))
        return marks.words(held[-1])

    def redo(self) -> str:
        """Make again what was taken back last beside the file, whoever did it."""
        _, undone = marks.history(marks.read(self._path)[0])
        if not undone:
            raise EngineError("nothing was taken back that could be made again")
        self._keep(undone[-1])
        return marks.words(undone[-1])

    def notebook(self) -> Notebook:
        """Return the marks by hand and the notes."""
        found = (marker for marker in self._recording.markers if marks.is_mark(marker))
        held, undone = marks.history(marks.read(self._path)[0])
        return Notebook(
            marks=tuple(sorted(found, key=lambda marker: marker.time_ns)),
            notes=self._recording.notes,
            undo=marks.words(held[-1]) if held else "",
            redo=marks.words(undone[-1]) if undone else "",
        )

    def _check_time(self, time_ns: int) -> None:
        """Raise EngineError if a time is not within the recording."""
        first, last = (self._info.time_ns(at) for at in (self._first, self._last))
        if not first <= time_ns <= last:
            at_s = (time_ns - first) / NS
            raise EngineError(
                f"{at_s:.6g} s is not in {self.name}, which is {(last - first) / NS:.6g} s long"
            )

    def _keep(self, edit: Edit) -> None:
        """Have the disk keep an edit, and show it."""
        marks.append(self._path, edit)
        self._recording.reread_marks()
        self._still = None

    def start_recording(self, path: str | None) -> str:
        """Refuse: it is one already."""
        raise EngineError(f"{self.name} is a recording already")

    def stop_recording(self) -> str:
        """Refuse: nothing is being recorded."""
        raise EngineError(f"{self.name} is a recording; nothing is being recorded")

    def set_speed(self, speed: float) -> None:
        """Replay at another speed."""
        self._speed = speed
        self._still = None
        if self._player is not None:
            self._player[1].set_speed(speed)

    def pause(self) -> None:
        """Hold the replay."""
        self._held = True
        if self._player is not None:
            self._player[1].pause()

    def resume(self) -> None:
        """Let the replay go on, or start one at the playhead; at the end, from the start."""
        self._held = False
        if self._player is not None:
            self._player[1].resume()
            return
        if self._playhead >= self._last:
            self._playhead = self._first
        start_s = (self._playhead - self._first) / self._info.sample_rate_hz
        process = ReplayProcess(self._path, start_s=start_s, speed=self._speed)
        try:
            process.wait()
        except EngineError:
            process.close()
            raise
        self._player = (process, EngineFeed(process.endpoint))

    def seek(self, index: int) -> None:
        """Put the playhead at a sample index."""
        self._playhead = min(max(index, self._first), self._last)
        self._still = None
        if self._player is not None:
            self._player[1].seek(self._playhead)

    def abandon(self) -> None:
        """Give up reading; the question that began it fails."""
        self._abandoned = True

    def close(self) -> None:
        """End the replay and close the file."""
        self._stop_player()
        self._stack.close()

    def _read_so_far(self, share: float) -> None:
        if self._abandoned:
            raise RecordingError(f"{self.name} was closed before it was read")
        self.progress = share

    def _stop_player(self) -> None:
        if self._player is None:
            return
        process, engine = self._player
        self._player = None
        engine.close()
        process.close()

    def _snapshot(self, *, moves: bool = False) -> Snapshot:
        """Return the replay's numbers, or those at the playhead, but for those that take long.

        Parameters
        ----------
        moves
            Whether another picture was asked for before: nobody reads numbers then.
        """
        if self._player is not None:
            snapshot = self._player[1].frame(_NOW).snapshot
            if snapshot.state != "ended":
                return self._as_replay(snapshot)
            self._stop_player()
            self._playhead = self._last
            self._still = None
        if self._still is None and not (self._numbers.is_long and moves):
            self._still = self._still_at(self._playhead)
        return self._still or self._described(self._playhead, NOT_YET, None, ())

    def _still_at(self, at: int) -> Snapshot | None:
        """Return the numbers at a sample index; None if they are not there yet."""
        found = self._numbers.at(at)
        return None if found is None else self._described(at, at, found.metrics, found.stages)

    def _told(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot that also warns of what is wrong with the file."""
        return msgspec.structs.replace(snapshot, warnings=flaws(self._recording))

    def _as_replay(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.metrics is not None:
            self._playhead = snapshot.stop
        return msgspec.structs.replace(
            snapshot,
            state="paused" if self._held else "running",
            now_ns=self._info.time_ns(self._playhead),
            info=self._info,
            supply=self._recording.supply,
            start=self._first,
            stop=self._last,
            average_windows_s=AVERAGES_S,
            ramp_windows_s=RAMPS_S,
            n_markers=len(self._recording.markers),
            warnings=(),
            replay_speed=self._speed,
        )

    def _described(
        self, at: int, version: int, metrics: Metrics | None, running: tuple[StageEnergy, ...]
    ) -> Snapshot:
        """Return a snapshot of the playhead at a sample index."""
        now_ns = self._info.time_ns(at)
        return Snapshot(
            version=version,
            state="ended",
            now_ns=now_ns,
            info=self._info,
            supply=self._recording.supply,
            start=self._first,
            stop=self._last,
            average_windows_s=AVERAGES_S,
            ramp_windows_s=RAMPS_S,
            metrics=metrics,
            stages=running,
            n_markers=len(self._recording.markers),
            n_malformed_markers=0,
            lag_s=0.0,
            recording=None,
            warnings=(),
            replay_speed=self._speed,
            slow=self._recording.slow.values(now_ns),
        )
