"""A session in a process of its own, served to any number of viewers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import msgspec
import zmq
import zmq.asyncio

from monitor.engine import messages as m
from monitor.engine.endpoint import check, remove
from monitor.engine.launch import refuse_second
from monitor.errors import EngineError, InstrumentError, RecordingError, WattstageError
from monitor.session import Session

logger = logging.getLogger(__name__)

_MAX_REQUEST = 1 << 16  # bytes; a request holds a few numbers or a line of text
_GRACE_S = 10.0  # wall time after which an instrument that went away no longer holds up the end


class Pacer(Protocol):
    """What can be replayed at another speed."""

    def set_speed(self, speed: float) -> None:
        """Play ``speed`` times as fast as it happened."""

    def pause(self) -> None:
        """Hold it."""

    def resume(self) -> None:
        """Let it go on."""


class Engine:
    """Runs one session and answers viewers about it.

    Parameters
    ----------
    session
        Makes the session. Called with None at first, and with a sample index for every seek of a
        replay; returns the session and, for a replay, what paces it.
    endpoint
        Where to listen.
    recordings
        Folder for recordings that are started without a name.
    """

    def __init__(
        self,
        session: Callable[[int | None], tuple[Session, Pacer | None]],
        *,
        endpoint: str,
        recordings: Path,
    ) -> None:
        self._make = session
        self._endpoint = check(endpoint)
        self._recordings = recordings
        self._session, self._pacer = session(None)
        self._run: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._doing = asyncio.Lock()
        self._short_of_s: float | None = None
        self.recorded: list[str] = []
        """Paths of the recordings that were made."""

    @property
    def session(self) -> Session:
        """Return the session that is running; a seek replaces it."""
        return self._session

    def stop(self) -> None:
        """End the session; ``run`` then closes the recording and returns."""
        self._leave.set()

    async def run(
        self, *, record: Path | None = None, seconds: float | None = None, linger: bool = False
    ) -> None:
        """Serve until the session ends, ``stop`` is called or a viewer says ``Shutdown``.

        Parameters
        ----------
        record
            File to record to from the first block on.
        seconds
            Seconds of data after which the session ends by itself; None runs on.
        linger
            Whether to go on answering after the source has ended, as a replay does.

        Raises
        ------
        EngineError
            If another engine listens there.
        InstrumentError
            If the instrument fell silent, so that ``seconds`` of data never came.
        WattstageError
            Whatever else ended the session.
        """
        await asyncio.to_thread(refuse_second, self._endpoint)
        async with self._listening():
            self._start(record=record, seconds=seconds)
            watchdog = asyncio.create_task(self._watch(seconds))
            leave = asyncio.create_task(self._leave.wait())
            try:
                while not leave.done() and self._run is not None:
                    await asyncio.wait({self._run, leave}, return_when="FIRST_COMPLETED")
                    if self._run.done() and not leave.done():
                        self._run.result()
                        if not linger:
                            break
                        await leave
            finally:
                watchdog.cancel()
                leave.cancel()
                await self._end()
            if self._short_of_s is not None:
                raise self._shortfall(self._short_of_s)
            if self._session.recording_error:
                raise RecordingError(self._session.recording_error)

    def _start(self, *, record: Path | None = None, seconds: float | None = None) -> None:
        if record is not None:
            self.recorded.append(str(record))
        self._run = asyncio.create_task(self._session.run(record=record, seconds=seconds))

    async def _end(self) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            run.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await run

    def _shortfall(self, seconds: float) -> InstrumentError:
        metrics = self._session.snapshot.metrics
        got_s = metrics.duration_s if metrics is not None else 0.0
        kept = f"; what came is in {', '.join(self.recorded)}" if self.recorded else ""
        return InstrumentError(
            f"{seconds:g} s were asked for, but the instrument went silent after {got_s:.1f} s and"
            f" did not come back{kept}. Check it and its cable, and record again"
        )

    async def _watch(self, seconds: float | None) -> None:
        if seconds is None:
            return
        await self._session.started.wait()
        await asyncio.sleep(seconds + _GRACE_S)
        metrics = self._session.snapshot.metrics
        if metrics is None or metrics.duration_s < seconds:
            self._short_of_s = seconds
            self.stop()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 200)
        socket.setsockopt(zmq.MAXMSGSIZE, _MAX_REQUEST)
        try:
            socket.bind(self._endpoint)
        except zmq.ZMQError as error:
            socket.close()
            context.term()
            raise EngineError(f"cannot listen at {self._endpoint}: {error.strerror}") from error
        serving = asyncio.create_task(self._serve(socket))
        try:
            yield
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            socket.close()
            context.term()
            remove(self._endpoint)

    async def _serve(self, socket: zmq.asyncio.Socket) -> None:
        """Answer every request when it can be: who waits for a disk keeps nobody else."""
        async with asyncio.TaskGroup() as answering:
            while True:
                message = await socket.recv_multipart()
                answering.create_task(self._reply(socket, message))

    async def _reply(self, socket: zmq.asyncio.Socket, message: list[bytes]) -> None:
        *envelope, payload = message
        try:
            reply = await self._answer(m.decode_request(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reply = m.Refused(message=f"the engine does not understand this request: {error}")
        except WattstageError as error:
            reply = m.Refused(message=str(error))
        except Exception as error:
            logger.exception("a request failed")
            reply = m.Refused(message=f"the engine failed: {type(error).__name__}: {error}")
        await socket.send_multipart([*envelope, m.encode(reply)])

    async def _answer(self, request: m.Request) -> m.Reply:
        """Answer a look at once, and do what is to be done in the order of asking."""
        session = self._session
        match request:
            case m.Hello():
                return m.Welcome(protocol=m.PROTOCOL, version=version("wattstage"), pid=os.getpid())
            case m.FrameRequest(start=start, stop=stop, span=span, n_columns=n_columns):
                n_columns = min(max(n_columns, 1), m.MAX_COLUMNS)
                return m.FrameReply.of(session.frame(start, stop, span, n_columns))
            case m.TableRequest():
                return m.TableReply(table=session.table())
            case m.SpanRequest(start=start, stop=stop):
                return m.SpanReply(numbers=session.measured(start, stop))
            case m.NotebookRequest():
                return m.NotebookReply(notebook=session.desk.notebook)
            case m.Shutdown():
                self.stop()
                return m.Done()
            case _:
                async with self._doing:
                    return await self._do(request)

    async def _do(self, request: m.Request) -> m.Reply:
        session = self._session
        match request:
            case m.Mark() | m.EditMarks() | m.Undo() | m.Redo():
                return m.Done(value=await self._write_by_hand(request))
            case m.StartRecording(path=path):
                chosen = Path(path) if path else new_recording(self._recordings)
                self.recorded.append(session.start_recording(chosen))
                return m.Done(value=str(chosen))
            case m.StopRecording():
                stopped = await session.stop_recording()
                if stopped is None:
                    raise EngineError("nothing is being recorded")
                return m.Done(value=stopped)
            case m.SaveRecent(seconds=seconds, path=path):
                chosen = Path(path) if path else new_recording(self._recordings)
                session.save_recent(chosen, seconds)
                return m.Done(value=str(chosen))
            case m.Pace() | m.Pause() | m.Seek():
                await self._pace(request)
                return m.Done()
        raise EngineError(f"nothing to do for {type(request).__name__}")

    async def _write_by_hand(self, request: m.Mark | m.EditMarks | m.Undo | m.Redo) -> str:
        """Carry it out, and return what was taken back or made again."""
        match request:
            case m.Mark(text=text, time_ns=time_ns):
                await self._session.mark(text, time_ns)
            case m.EditMarks(edit=edit):
                await self._session.desk.edit(edit)
            case m.Undo():
                return await self._session.desk.undo()
            case m.Redo():
                return await self._session.desk.redo()
        return ""

    async def _pace(self, request: m.Pace | m.Pause | m.Seek) -> None:
        if self._pacer is None:
            raise EngineError("this session is live: only a replay has a speed and a playhead")
        if isinstance(request, m.Pace):
            self._pacer.set_speed(request.speed)
        elif isinstance(request, m.Pause):
            (self._pacer.pause if request.paused else self._pacer.resume)()
        else:
            await self._end()
            self._session, self._pacer = self._make(request.index)
            self._start()
        self._session.refresh()


def new_recording(folder: Path) -> Path:
    """Return a name for a recording that starts now, unused in the folder."""
    stem = time.strftime("%Y-%m-%dT%H-%M-%S")
    path = folder / f"{stem}.h5"
    count = 1
    while path.exists():
        count += 1
        path = folder / f"{stem}-{count}.h5"
    return path
