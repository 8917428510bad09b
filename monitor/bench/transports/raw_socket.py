"""Messages on a plain TCP connection, each ended by a line feed: as on port 5025 of many."""

from __future__ import annotations

import asyncio
import contextlib

from monitor.bench.transports.dialogue import Reply, Station, converse

_PIECE_S = 0.02  # of a slow link's time, to send at once


class Socket:
    """Serves an instrument to TCP connections."""

    fixed_port = None

    def __init__(self, station: Station) -> None:
        self._station = station

    def visa(self, host: str, port: int) -> str:
        """Return the VISA resource name."""
        return f"TCPIP::{host}::{port}::SOCKET"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        await converse(self._station, _Line(reader, writer))


class _Line:
    """Messages that end with a line feed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes:
        return await self._reader.readline()

    async def send(self, reply: Reply) -> None:
        await pour(self._writer, reply.data, reply)


async def pour(writer: asyncio.StreamWriter, framed: bytes, reply: Reply) -> None:
    """Send a reply in its frame as slowly as it says; if it is cut, close after its first part."""
    if reply.cut is not None:
        framed = framed[: round(reply.cut * len(framed))]
    piece = len(framed)
    if reply.bytes_per_s is not None:
        piece = round(reply.bytes_per_s * _PIECE_S)
    for begin in range(0, len(framed), max(1, piece)):
        if reply.bytes_per_s is not None:
            await asyncio.sleep(piece / reply.bytes_per_s)
        writer.write(framed[begin : begin + piece])
        await writer.drain()
    if reply.cut is not None:
        writer.close()  # what was written still arrives
        with contextlib.suppress(OSError):
            await writer.wait_closed()
