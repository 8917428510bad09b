"""HiSLIP, by which instruments of the last decade are reached (IVI-6.1, port 4880).

Two TCP connections make a session: messages and their replies travel on the synchronous one; the
asynchronous one carries what must not wait behind them, such as a device clear. The bench speaks
the synchronized mode, without TLS, and grants locks to whoever asks.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
import struct
from dataclasses import dataclass, field

from monitor.bench.transports.dialogue import Reply, Station, converse
from monitor.bench.transports.raw_socket import pour

_HEADER = struct.Struct("!2sBBIQ")  # "HS", type, control code, parameter, length of the payload
_VERSION = 1 << 24  # 1.0, in the upper half of a parameter
_LONGEST = 1 << 20  # bytes of a message, with its header
_LONGEST_COMMAND = 1 << 16  # bytes
_POOR_HEADER, _NO_ASYNC, _BAD_INITIALIZATION = 1, 2, 3  # of a fatal error
_UNKNOWN_TYPE = 1  # of an error
_SUCCESS = 1  # of a lock


class _Type(enum.IntEnum):
    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    ASYNC_MAX_SIZE = 15
    ASYNC_MAX_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


@dataclass(frozen=True, slots=True)
class _Message:
    kind: int
    control: int
    parameter: int
    payload: bytes


class _FatalError(Exception):
    """What ends a session, as its client is told."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Hislip:
    """Serves an instrument to HiSLIP clients."""

    fixed_port = None

    def __init__(self, station: Station) -> None:
        self._station = station
        self._sessions: dict[int, _Session] = {}
        self._numbers = itertools.count(1)

    def visa(self, host: str, port: int) -> str:
        """Return the VISA resource name."""
        return f"TCPIP::{host}::hislip0,{port}::INSTR"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one of the two connections of a session until it ends."""
        inbox = _Inbox(reader)
        try:
            first = await inbox.next()
            if first.kind == _Type.INITIALIZE:
                await self._synchronous(inbox, writer)
            elif first.kind == _Type.ASYNC_INITIALIZE and first.parameter in self._sessions:
                await self._asynchronous(inbox, writer, self._sessions[first.parameter])
            else:
                raise _FatalError(_BAD_INITIALIZATION, "invalid initialization sequence")
        except asyncio.IncompleteReadError:
            return
        except _FatalError as error:
            writer.write(_packed(_Type.FATAL_ERROR, error.code, payload=str(error).encode()))
            await writer.drain()

    async def _synchronous(self, inbox: _Inbox, writer: asyncio.StreamWriter) -> None:
        number = next(self._numbers) & 0xFFFF
        session = _Session(inbox, writer)
        self._sessions[number] = session
        try:
            writer.write(_packed(_Type.INITIALIZE_RESPONSE, 0, _VERSION | number))
            while await self._until_cleared(session):
                await session.clear()
        finally:
            del self._sessions[number]

    async def _until_cleared(self, session: _Session) -> bool:
        """Converse; return whether a device clear, not the end of the connection, ended it."""
        session.clearing.clear()
        talk = asyncio.ensure_future(converse(self._station, session))
        clear = asyncio.ensure_future(session.clearing.wait())
        try:
            await asyncio.wait({talk, clear}, return_when=asyncio.FIRST_COMPLETED)
            if talk.done():
                talk.result()
            return not talk.done()
        finally:
            talk.cancel()
            clear.cancel()
            await asyncio.gather(talk, clear, return_exceptions=True)

    async def _asynchronous(
        self, inbox: _Inbox, writer: asyncio.StreamWriter, session: _Session
    ) -> None:
        session.is_joined = True
        writer.write(_packed(_Type.ASYNC_INITIALIZE_RESPONSE))
        while True:
            message = await inbox.next()
            writer.write(await self._reply(message, session))
            await writer.drain()

    async def _reply(self, message: _Message, session: _Session) -> bytes:
        """Return the reply to what came on the asynchronous channel."""
        match message.kind:
            case _Type.ASYNC_MAX_SIZE:
                size = int.from_bytes(message.payload, "big")
                session.longest = max(_HEADER.size + 1, min(size, _LONGEST))
                return _packed(_Type.ASYNC_MAX_SIZE_RESPONSE, payload=struct.pack("!Q", _LONGEST))
            case _Type.ASYNC_DEVICE_CLEAR:
                session.clearing.set()
                return _packed(_Type.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE)
            case _Type.ASYNC_STATUS_QUERY:
                return _packed(_Type.ASYNC_STATUS_RESPONSE, await self._station.status())
            case _Type.ASYNC_LOCK:
                return _packed(_Type.ASYNC_LOCK_RESPONSE, _SUCCESS)
            case _Type.ASYNC_LOCK_INFO:
                return _packed(_Type.ASYNC_LOCK_INFO_RESPONSE)
            case _Type.ASYNC_REMOTE_LOCAL_CONTROL:
                return _packed(_Type.ASYNC_REMOTE_LOCAL_RESPONSE)
            case _:
                return _packed(_Type.ERROR, _UNKNOWN_TYPE)


class _Inbox:
    """The messages that one connection brings; who waits for the next may be cancelled."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._begun: tuple[int, int, int, int] | None = None

    async def next(self) -> _Message:
        """Return the next message; IncompleteReadError at the end."""
        if self._begun is None:
            mark, *rest = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
            if mark != b"HS" or rest[-1] > _LONGEST:
                raise _FatalError(_POOR_HEADER, "poorly formed message header")
            self._begun = rest[0], rest[1], rest[2], rest[3]
        kind, control, parameter, n_bytes = self._begun
        payload = await self._reader.readexactly(n_bytes)
        self._begun = None
        return _Message(kind, control, parameter, payload)


@dataclass(slots=True)
class _Session:
    """The synchronous channel of a session, and what the asynchronous one says about it."""

    inbox: _Inbox
    writer: asyncio.StreamWriter
    longest: int = _LONGEST
    """Bytes that the client takes in one message, with its header."""
    is_joined: bool = False
    """Whether the asynchronous channel is there."""
    clearing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client wants all forgotten that is under way."""
    _parts: bytearray = field(default_factory=bytearray)
    _number: int = 0
    _number_before: int = 0

    async def receive(self) -> bytes:
        """Return the next message; empty if the client is gone."""
        while True:
            try:
                message = await self.inbox.next()
            except asyncio.IncompleteReadError:
                return b""
            if not self.is_joined:
                raise _FatalError(_NO_ASYNC, "there is no asynchronous channel yet")
            if message.kind not in {_Type.DATA, _Type.DATA_END}:
                if message.kind != _Type.TRIGGER:
                    self.writer.write(_packed(_Type.ERROR, _UNKNOWN_TYPE))
                continue
            self._parts += message.payload
            if len(self._parts) > _LONGEST_COMMAND:
                raise _FatalError(0, f"a message of more than {_LONGEST_COMMAND} bytes")
            if message.kind == _Type.DATA_END:
                self._number_before, self._number = self._number, message.parameter
                text, self._parts = bytes(self._parts), bytearray()
                return text or b"\n"

    async def send(self, reply: Reply) -> None:
        """Send a reply in messages that the client takes."""
        # A client drops what does not carry the number of its newest message.
        number = self._number_before if reply.is_stale else self._number
        size = self.longest - _HEADER.size
        framed = bytearray()
        for begin in range(0, len(reply.data), size):
            is_last = begin + size >= len(reply.data)
            kind = _Type.DATA_END if is_last else _Type.DATA
            framed += _packed(kind, 0, number, reply.data[begin : begin + size])
        await pour(self.writer, bytes(framed), reply)

    async def clear(self) -> None:
        """Forget what has come, until the client says that it has done so too."""
        self._parts.clear()
        while (message := await self.inbox.next()).kind != _Type.DEVICE_CLEAR_COMPLETE:
            pass
        self.writer.write(_packed(_Type.DEVICE_CLEAR_ACKNOWLEDGE, message.control))


def _packed(kind: _Type, control: int = 0, parameter: int = 0, payload: bytes = b"") -> bytes:
    return _HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload
