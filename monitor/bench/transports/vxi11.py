"""VXI-11, by which instruments of the last century are reached: remote calls over TCP.

RFC 5531 (calls, record marking), RFC 4506 (how numbers and bytes travel), VXI-11 revision 1.0
(procedures). A real instrument tells its port through a portmapper on port 111; the bench's stands
in the VISA resource name.
"""

from __future__ import annotations

import asyncio
import itertools
import struct

from monitor.bench.transports.dialogue import Reply, Station, converse
from monitor.bench.transports.raw_socket import pour

_LAST = 1 << 31  # in the mark of a fragment: none follows
_LONGEST = 1 << 17  # bytes of a call
_MOST_READ = 1 << 20  # bytes in the reply to one device_read; also announced for device_write
_MOST_UNREAD = 8  # replies

_CORE, _ASYNC = 0x0607AF, 0x0607B0  # programs
_NO_PROGRAM, _NO_PROCEDURE = 1, 3  # states of an accepted call
_BAD_LINK, _NOT_SUPPORTED, _TIMEOUT = 4, 8, 15  # errors
_END_FLAG, _TERMCHAR_FLAG = 8, 128
_COUNT, _CHARACTER, _END = 1, 2, 4  # reasons why a read ends


class _EndedError(Exception):
    """The conversation is over, so the connection is closed."""


class Vxi11:
    """Serves an instrument to VXI-11 clients."""

    fixed_port = None

    def __init__(self, station: Station) -> None:
        self._station = station

    def visa(self, host: str, port: int) -> str:
        """Return the VISA resource name."""
        return f"TCPIP::{host},{port}::inst0::INSTR"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the calls of one connection until it ends."""
        calls = _Calls(self._station, writer)
        try:
            while True:
                await calls.answer(await _next_call(reader))
        except (asyncio.IncompleteReadError, struct.error, _EndedError):
            return  # the client is gone, or speaks something else
        finally:
            await calls.close()


async def _next_call(reader: asyncio.StreamReader) -> bytes:
    call = bytearray()
    is_last = False
    while not is_last:
        (mark,) = struct.unpack("!I", await reader.readexactly(4))
        is_last, n_bytes = bool(mark & _LAST), mark & ~_LAST
        if len(call) + n_bytes > _LONGEST:
            raise _EndedError
        call += await reader.readexactly(n_bytes)
    return bytes(call)


class _Calls:
    """The calls of one connection, and the links that it has made."""

    def __init__(self, station: Station, writer: asyncio.StreamWriter) -> None:
        self._station = station
        self._writer = writer
        self._links: dict[int, _Link] = {}
        self._numbers = itertools.count(1)

    async def close(self) -> None:
        """End every link."""
        for link in self._links.values():
            await link.close()

    async def answer(self, call: bytes) -> None:
        """Do what a call says and send its result."""
        xid, _, _, program, _, procedure = struct.unpack_from("!6I", call)
        if program not in {_CORE, _ASYNC}:
            await self._send(xid, b"", state=_NO_PROGRAM)
            return
        arguments = call[_past_credentials(call) :]
        match procedure:
            case 0:  # null
                await self._send(xid, b"")
            case 10 if program == _CORE:  # create_link
                number = next(self._numbers)
                self._links[number] = _Link(self._station)
                port = self._writer.get_extra_info("sockname")[1]
                await self._send(xid, struct.pack("!iiII", 0, number, port, _MOST_READ))
            case 20 | 22 | 25 | 26:  # service requests, docmd, interrupt channels
                await self._send(xid, struct.pack("!iI", _NOT_SUPPORTED, 0))
            case 1 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 23:
                (number,) = struct.unpack_from("!i", arguments)
                link = self._links.get(number)
                if link is None:
                    await self._send(xid, struct.pack("!iII", _BAD_LINK, 0, 0))
                else:
                    await self._on_link(xid, procedure, number, link, arguments[4:])
            case _:
                await self._send(xid, b"", state=_NO_PROCEDURE)

    async def _on_link(
        self, xid: int, procedure: int, number: int, link: _Link, arguments: bytes
    ) -> None:
        match procedure:
            case 11:  # device_write
                flags, n_bytes = struct.unpack_from("!iI", arguments, 8)
                link.hear(arguments[16 : 16 + n_bytes], is_end=bool(flags & _END_FLAG))
                await self._send(xid, struct.pack("!iI", 0, n_bytes))
            case 12:  # device_read
                await self._read(xid, link, arguments)
            case 13:  # device_readstb
                await self._send(xid, struct.pack("!iI", 0, await self._station.status()))
            case 15 | 23:  # device_clear, destroy_link
                await link.close()
                del self._links[number]
                if procedure == 15:
                    self._links[number] = _Link(self._station)
                await self._send(xid, struct.pack("!i", 0))
            case _:  # abort, trigger, remote, local, lock, unlock
                await self._send(xid, struct.pack("!i", 0))

    async def _read(self, xid: int, link: _Link, arguments: bytes) -> None:
        size, io_ms, _, flags, char = struct.unpack_from("!IIIii", arguments)
        end = bytes([char & 0xFF]) if flags & _TERMCHAR_FLAG else b""
        try:
            async with asyncio.timeout(io_ms / 1e3):
                reply, data, reason = await link.read(min(size, _MOST_READ), end)
        except TimeoutError:
            await self._send(xid, struct.pack("!iiI", _TIMEOUT, 0, 0))
            return
        padding = bytes(-len(data) % 4)
        result = struct.pack("!iiI", 0, reason, len(data)) + data + padding
        await self._send(xid, result, reply)
        if reply.cut is not None:
            raise _EndedError

    async def _send(
        self, xid: int, result: bytes, reply: Reply | None = None, *, state: int = 0
    ) -> None:
        record = struct.pack("!6I", xid, 1, 0, 0, 0, state) + result
        framed = struct.pack("!I", _LAST | len(record)) + record
        await pour(self._writer, framed, reply or Reply(b""))


def _past_credentials(call: bytes) -> int:
    """Return where a call's arguments begin."""
    at = 24
    for _ in ("credentials", "verifier"):
        (n_bytes,) = struct.unpack_from("!I", call, at + 4)
        at += 8 + n_bytes + -n_bytes % 4
    return at


class _Link:
    """A connection as an instrument sees it: messages come by calls, replies are fetched."""

    def __init__(self, station: Station) -> None:
        self._heard = bytearray()
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._outbox: asyncio.Queue[Reply] = asyncio.Queue(_MOST_UNREAD)
        self._reply: Reply | None = None
        self._n_read = 0
        self._talk = asyncio.ensure_future(converse(station, self))

    async def close(self) -> None:
        """End the conversation."""
        self._talk.cancel()
        await asyncio.gather(self._talk, return_exceptions=True)

    def hear(self, part: bytes, *, is_end: bool) -> None:
        """Take a part of a message."""
        self._heard += part
        if is_end:
            self._inbox.put_nowait(bytes(self._heard) or b"\n")
            self._heard.clear()

    async def receive(self) -> bytes:
        """Return the next message."""
        return await self._inbox.get()

    async def send(self, reply: Reply) -> None:
        """Keep a reply until it is fetched."""
        await self._outbox.put(reply)

    async def read(self, size: int, end: bytes) -> tuple[Reply, bytes, int]:
        """Return the next part of a reply, how it is sent, and why it ends there."""
        if self._reply is None:
            self._reply, self._n_read = await self._next_reply(), 0
        reply, begin = self._reply, self._n_read
        stop = min(begin + size, len(reply.data))
        reason = _COUNT if stop - begin == size else 0
        at = reply.data.find(end, begin, stop) if end else -1
        if at >= 0:
            stop, reason = at + 1, _CHARACTER
        if stop == len(reply.data):
            reason |= _END
            self._reply = None
        self._n_read = stop
        is_cut = reply.cut is not None and stop > reply.cut * len(reply.data)
        how = Reply(b"", cut=0.5 if is_cut else None, bytes_per_s=reply.bytes_per_s)
        return how, reply.data[begin:stop], reason

    async def _next_reply(self) -> Reply:
        reply = asyncio.ensure_future(self._outbox.get())
        try:
            await asyncio.wait({reply, self._talk}, return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                raise _EndedError
            return reply.result()
        finally:
            reply.cancel()
