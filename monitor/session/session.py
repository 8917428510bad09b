"""The shell of a measurement: source + markers -> history, recorder, snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from monitor.config import PLAIN, HistorySettings, MetricsSettings, RecordingSettings
from monitor.dsp.interruptions import METER
from monitor.errors import EngineError, RecordingError
from monitor.history.account import Account
from monitor.markers.trouble import Feed, trouble
from monitor.model import (
    NS,
    Block,
    Edge,
    Frame,
    Marker,
    Reading,
    SlowChannel,
    Snapshot,
    SpanNumbers,
    StageTable,
    StreamInfo,
    Supply,
    Timeline,
)
from monitor.session.desk import Desk
from monitor.session.tape import Tape
from monitor.session.warnings import Severity, Warnings
from monitor.sources.clock import Clock
from monitor.sources.meter_feed import Meter, beside
from monitor.sources.source import Item, Source

_INBOX = 64  # items; when it is full the sources wait, so nothing is dropped here
_REFRESH_S = 0.1  # numbers change no faster than a person reads; costs that much less
_TICK_S = 1.0  # while nothing comes, what was measured grows old, and a disk may fail

_Entry = Item | tuple[SlowChannel, ...] | Exception | None  # None: the source has ended


class Pace(Protocol):
    """How a replay is played."""

    speed: float
    paused: bool


class Session:
    """An ordered sequence of blocks, markers and readings, and all that is known about it.

    ``run`` is the only writer; what other tasks of the same loop read is replaced whole.

    Parameters
    ----------
    source, feed
        What is merged; no feed (None) has no markers of a workload.
    meters
        Beside the source; what becomes of them never ends the session.
    slow
        Channels that are known before their first reading, as those of a replay are.
    metrics, history
        Which numbers, and how much is remembered.
    recording
        How files are written.
    described
        What a recording says of the session beside its data: names and texts.
    clock
        Of the host.
    pace
        Of a replay; None if this is live.
    """

    def __init__(
        self,
        source: Source,
        feed: Feed | None,
        *,
        meters: Sequence[Meter] = (),
        slow: Sequence[SlowChannel] = (),
        metrics: MetricsSettings,
        history: HistorySettings,
        recording: RecordingSettings = PLAIN,
        described: dict[str, str] | None = None,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._pace = pace
        self._feed = feed
        self._meters = tuple(meters)
        self._slow = tuple(slow)
        self._metrics = metrics
        self._history = history
        self._clock = clock
        self._inbox: asyncio.Queue[_Entry] = asyncio.Queue(_INBOX)
        self._account: Account | None = None
        self._warnings = Warnings()
        self._state = "connecting"
        self._lag_s = 0.0
        self._newest_ns: int | None = None  # UTC by the host's clock
        self._refresh_due_ns = 0
        self._stale = False
        self._version = 0
        self.desk = Desk(clock)
        """Marks and notes by hand."""
        self._tape = Tape(self.desk, recording, described or {}, self._tell)
        self.started = asyncio.Event()
        """Set at the first block."""
        self.snapshot = self._make_snapshot()
        """Replaced whole; never modified."""

    async def run(self, *, record: Path | None = None, seconds: float | None = None) -> None:
        """Measure until the source ends, or ``seconds`` of data have come.

        Parameters
        ----------
        record
            File to record to from the first block on; None does not record.

        Raises
        ------
        WattstageError
            If the source cannot be opened or fails for good, or ``record`` cannot be written.
        """
        async with self._source as source:
            account = self._open(source.info)
            if record is not None:
                self.start_recording(record)
            pumps = [asyncio.create_task(self._pump(source.items(), last=True))]
            if self._feed is not None:
                pumps.append(asyncio.create_task(self._pump(aiter(self._feed), last=False)))
            for meter in self._meters:
                readings = beside(meter, self._clock)
                pumps.append(asyncio.create_task(self._pump(readings, last=False)))
            try:
                await self._consume(account, seconds, must_record=record is not None)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                await self._tape.rest()
                self._state = "ended"
                await self.stop_recording()
                self.refresh()

    def start_recording(self, path: Path) -> str:
        """Record from now on.

        What a reader must know is written first: the stages that are running, and the newest
        reading of each slow channel.

        Raises
        ------
        EngineError
            If nothing is connected yet, or a recording is running.
        RecordingError
            If the file cannot be made.
        """
        if self._account is None:
            raise EngineError("nothing to record yet: no instrument has answered")
        started = self._tape.start(self._account, path)
        self.refresh()
        return started

    async def stop_recording(self) -> str | None:
        """Close the recording and return its path; None if there was none."""
        try:
            return await self._tape.stop()
        finally:
            self.refresh()

    @property
    def recording_error(self) -> str:
        """Return why a recording stopped by itself; empty if none did."""
        return self._tape.error

    def save_recent(self, path: Path, seconds: float) -> None:
        """Begin to write what is remembered of the last seconds to a file of its own.

        How it ends is told among the warnings. The end of the session waits for it.

        Raises
        ------
        EngineError
            If nothing was captured yet, or ``seconds`` is not positive.
        RecordingError
            If the file cannot be made.
        """
        if self._account is None or not self.started.is_set():
            raise EngineError("nothing to save yet: no instrument has answered")
        if not seconds > 0:
            raise EngineError(f"the time to save must be positive, got {seconds:g} s")
        self._tape.save_recent(self._account, path, seconds)

    async def mark(self, text: str, time_ns: int) -> None:
        """Put a mark by hand, at a UTC time (0: now); raises as ``Desk.mark``."""
        mark = await self.desk.mark(text, time_ns)
        self._tape.mark(mark)  # not behind what waits: a recording may begin meanwhile
        await self._inbox.put(mark)

    def frame(self, start: int | None, stop: int | None, span: int, n_columns: int) -> Frame:
        """Return what a window draws of ``[start, stop)``, or of the newest ``span`` samples."""
        if self._account is None:
            return Frame(self.snapshot, None, Timeline(stages=(), marks=()))
        view, timeline, slow = self._account.look(start, stop, span, n_columns)
        if self.desk.changed and view is not None:
            first, last = (self._account.info.time_ns(int(at)) for at in view.edges[[0, -1]])
            others = [m for m in timeline.marks if not self.desk.is_own(m)]
            held = sorted([*others, *self.desk.marks_of(first, last)], key=lambda m: m.time_ns)
            timeline = msgspec.structs.replace(timeline, marks=tuple(held))
        return Frame(self.snapshot, view, timeline, slow)

    def measured(self, start: int, stop: int) -> SpanNumbers:
        """Return what was measured in ``[start, stop)``, as far as it is remembered."""
        if self._account is None:
            raise EngineError("nothing was measured yet: no instrument has answered")
        return self._account.measured(start, stop)

    def table(self) -> StageTable:
        """Return the stage table of the session so far."""
        if self._account is None:
            raise EngineError("no stage table yet: no instrument has answered")
        return self._account.table()

    async def _pump(self, items: AsyncIterator[_Entry], *, last: bool) -> None:
        try:
            async for item in items:
                await self._inbox.put(item)
        except Exception as error:  # raised again by the consumer
            await self._inbox.put(error)
        else:
            if last:
                await self._inbox.put(None)
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    async def _consume(self, account: Account, seconds: float | None, *, must_record: bool) -> None:
        """Take items until the source ends, fails, or has delivered ``seconds``."""
        while True:
            item = await self._next()
            if isinstance(item, Exception):
                raise item
            if item is None:
                return
            if isinstance(item, Block):
                self._take_block(account, item)
            elif isinstance(item, Reading):
                self._take_reading(account, item)
            elif isinstance(item, tuple):
                self._know(account, item)
            else:
                self._take_marker(account, item)
            self._stale = True
            if self._clock.now_ns() >= self._refresh_due_ns:
                self.refresh()
            if must_record and self.recording_error:
                raise RecordingError(self.recording_error)
            if seconds is not None and account.history.duration_s >= seconds:
                return

    async def _next(self) -> _Entry:
        """Return the next item; while it keeps us waiting, keep the snapshot up to date."""
        while True:
            due_s = max(self._refresh_due_ns - self._clock.now_ns(), 0) / NS
            try:
                async with asyncio.timeout(due_s if self._stale else _TICK_S):
                    return await self._inbox.get()
            except TimeoutError:
                self.refresh()

    def _open(self, info: StreamInfo) -> Account:
        account = self._account = Account(info, self._metrics, self._history)
        account.slow.announce(self._slow)
        self._state = "running"
        self.refresh()
        return account

    def _take_block(self, account: Account, block: Block) -> None:
        account.enter_block(block)
        self.started.set()
        self._tape.write(block)
        self._newest_ns = block.host_ns + round(block.n_samples / account.info.sample_rate_hz * NS)
        self._lag_s = self._age_s()

    def _age_s(self) -> float:
        """Return how old the newest sample is by the host's clock; 0 before there is one."""
        if self._newest_ns is None:
            return 0.0
        return max(0.0, (self._clock.now_ns() - self._newest_ns) / NS)

    def _know(self, account: Account, channels: tuple[SlowChannel, ...]) -> None:
        """Know slow channels before their first reading."""
        account.slow.announce(channels)
        self._tape.announce(channels)

    def _take_reading(self, account: Account, reading: Reading) -> None:
        account.enter_reading(reading)
        self._tape.add(reading)

    def _take_marker(self, account: Account, marker: Marker) -> None:
        if not account.enter_marker(marker):
            return
        if not self.desk.is_own(marker):
            self._tape.mark(marker)
        if marker.edge is Edge.INSTANT and marker.stage == "event":
            self._take_event(marker)

    def _take_event(self, event: Marker) -> None:
        kind, meter = event.attrs.get("kind"), event.attrs.get(METER)
        loss = f"lost {meter}"  # None: the instrument
        severity, about = Severity.FLAW, ""
        if kind == "lost":
            about = loss
            if meter is None:
                self._state, severity = "reconnecting", Severity.BLIND
        elif kind == "reconnected":
            self._warnings.settle(loss)
            severity = Severity.NEWS
            if meter is None:
                self._state = "running"
        self._warnings.add(str(event.attrs.get("text", "")), severity, about=about)
        self.refresh()

    def _tell(self, text: str, *, failed: bool) -> None:
        """Tell what became of a recording, at once."""
        self._warnings.add(text, Severity.UNKEPT if failed else Severity.NEWS)
        self.refresh()

    def refresh(self) -> None:
        """Bring the snapshot up to date."""
        before_ns = self._clock.now_ns()
        self._tape.look()
        self.snapshot = self._make_snapshot()
        self._stale = False
        after_ns = self._clock.now_ns()
        self._refresh_due_ns = after_ns + max(round(_REFRESH_S * NS), 10 * (after_ns - before_ns))

    def _make_snapshot(self) -> Snapshot:
        self._version += 1
        account = self._account
        metrics, running = account.now() if account is not None else (None, ())
        start, stop = account.history.span if account is not None else (0, 0)
        # Of a replay, time is where the playhead is.
        now_ns = self._clock.now_ns()
        if account is not None and self._pace is not None:
            now_ns = account.info.time_ns(stop)
        return Snapshot(
            version=self._version,
            state="paused" if self._pace is not None and self._pace.paused else self._state,
            now_ns=account.info.time_ns(stop) if account is not None else self._clock.now_ns(),
            info=account.info if account is not None else None,
            supply=account.history.supply if account is not None else Supply.AUTO,
            start=start,
            stop=stop,
            average_windows_s=self._metrics.averages_s,
            ramp_windows_s=self._metrics.ramps_s,
            metrics=metrics,
            stages=running,
            n_markers=account.n_markers if account is not None else 0,
            n_malformed_markers=self._feed.n_malformed if self._feed is not None else 0,
            lag_s=self._lag_s,
            recording=self._tape.state,
            warnings=self._warnings.texts(trouble(self._feed) if self._feed is not None else ()),
            replay_speed=self._pace.speed if self._pace is not None else None,
            slow=account.slow.values(now_ns) if account is not None else (),
            age_s=self._age_s() if self._pace is None else 0.0,
        )
