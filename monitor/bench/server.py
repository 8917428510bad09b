"""The bench's scope on a TCP port, as a real one on port 5025, and ways to make it fail."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from monitor.bench.instruments import Instrument
from monitor.errors import InstrumentError

HOST = "127.0.0.1"
_LONGEST_MESSAGE = 1 << 16  # bytes


class Fault(enum.Enum):
    """What can go wrong on the wire."""

    DROP_MID_BLOCK = enum.auto()
    """The connection is cut in the middle of a block."""
    SHORT_BLOCK = enum.auto()
    """A block ends before the length that its header announces."""
    WRONG_LENGTH = enum.auto()
    """A block goes on beyond the length that its header announces."""
    NO_LF = enum.auto()
    """A reply lacks its line feed."""
    SILENCE = enum.auto()
    """A query is not answered."""
    CLOSE_ON_QUERY = enum.auto()
    """The connection is closed instead of an answer."""


class Faults:
    """The faults that wait for their next occasion."""

    def __init__(self) -> None:
        self._waiting: dict[Fault, int] = {}

    def inject(self, fault: Fault, times: int = 1) -> None:
        """Let the next ``times`` replies that a fault can strike be struck by it."""
        self._waiting[fault] = self._waiting.get(fault, 0) + times

    def clear(self) -> None:
        """Forget the faults that have not struck."""
        self._waiting.clear()

    def take(self, fault: Fault) -> bool:
        """Return whether a fault strikes now, and count it."""
        left = self._waiting.get(fault, 0)
        if left:
            self._waiting[fault] = left - 1
        return left > 0


class ScopeServer:
    """Serves one instrument to any number of connections, on loopback only.

    ``stop`` and ``start`` switch the instrument off and on; the port stays the same.
    """

    def __init__(self, instrument: Instrument, *, port: int = 0) -> None:
        self.faults = Faults()
        self.port = port
        """0 until started, if any free port may be taken."""
        self._instrument = instrument
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    @property
    def visa(self) -> str:
        """Return the VISA resource name; valid once started."""
        return f"TCPIP::{HOST}::{self.port}::SOCKET"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        InstrumentError
            If the port cannot be taken.
        """
        try:
            server = await asyncio.start_server(
                self._serve, HOST, self.port, limit=_LONGEST_MESSAGE
            )
        except OSError as error:
            raise InstrumentError(
                f"the bench cannot listen on {HOST} port {self.port}: {error.strerror}; choose"
                " another --port, or 0 for any"
            ) from error
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection and forget what was acquired."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        self._instrument.power_cycle()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        # A cancellation, which is by stop, ends here: raised further, Python 3.11 would log it.
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._converse(reader, writer)
        except (OSError, ValueError):
            pass  # the peer is gone, or sent a message without an end
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pushed: AsyncGenerator[bytes, None] | None = None
        while line := await _next_message(reader, writer, pushed):
            async with self._turn:
                answers = await self._instrument.execute(line.decode("latin-1").strip())
            replies = [answer for answer in answers if isinstance(answer, str | bytes)]
            pushed = next((item for item in answers if isinstance(item, AsyncGenerator)), None)
            if not replies or self.faults.take(Fault.SILENCE):
                continue
            if self.faults.take(Fault.CLOSE_ON_QUERY):
                return
            blocks = any(isinstance(reply, bytes) for reply in replies)
            data = b";".join(r if isinstance(r, bytes) else r.encode() for r in replies)
            if blocks and self.faults.take(Fault.DROP_MID_BLOCK):
                writer.write(data[: len(data) // 2])
                await writer.drain()
                writer.close()  # what was written still arrives
                await writer.wait_closed()
                return
            writer.write(self._damaged(data, blocks=blocks))
            await writer.drain()

    def _damaged(self, data: bytes, *, blocks: bool) -> bytes:
        if blocks and self.faults.take(Fault.SHORT_BLOCK):
            data = data[:-10]
        if blocks and self.faults.take(Fault.WRONG_LENGTH):
            data = data[:2] + b"%08d" % (int(data[2:10]) - 10) + data[10:]
        return data if self.faults.take(Fault.NO_LF) else data + b"\n"


async def _next_message(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    pushed: AsyncGenerator[bytes, None] | None,
) -> bytes:
    """Return the next message; until it arrives send what the instrument pushes, if anything."""
    message = asyncio.ensure_future(reader.readline())
    try:
        while pushed is not None and not message.done():
            item = asyncio.ensure_future(anext(pushed))
            try:
                await asyncio.wait({message, item}, return_when=asyncio.FIRST_COMPLETED)
                if item.done():
                    writer.write(item.result() + b"\n")
                    await writer.drain()
            except StopAsyncIteration:
                pushed = None
            finally:
                item.cancel()
        return await message
    finally:
        message.cancel()
