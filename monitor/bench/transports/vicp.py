"""VICP, by which LeCroy's scopes are reached: blocks of bytes behind a header of eight.

The header: operation, version, number of the message that is answered, 0, length. Clients of
PyVISA-py cannot be told another port than 1861.
"""

from __future__ import annotations

import asyncio
import enum
import struct

from monitor.bench.transports.dialogue import Reply, Station, converse
from monitor.bench.transports.raw_socket import pour

_HEADER = struct.Struct("!BBBBI")
_VERSION = 1
_PIECE = 65_536  # bytes of a block to the client
_LONGEST_COMMAND = 1 << 16  # bytes


class _Operation(enum.IntFlag):
    EOI = 0x01
    SERIAL_POLL = 0x04
    CLEAR = 0x10
    DATA = 0x80


class Vicp:
    """Serves an instrument to VICP clients."""

    fixed_port = 1861

    def __init__(self, station: Station) -> None:
        self._station = station

    def visa(self, host: str, port: int) -> str:
        """Return the VISA resource name."""
        return f"VICP::{host}::INSTR"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        await converse(self._station, _Blocks(reader, writer, self._station))


class _Blocks:
    """Messages in blocks, the last of which is marked."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, station: Station
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._station = station
        self._number = self._number_before = 0

    async def receive(self) -> bytes:
        parts = bytearray()
        while True:
            try:
                header = await self._reader.readexactly(_HEADER.size)
                flags, version, number, _, n_bytes = _HEADER.unpack(header)
                if version != _VERSION or len(parts) + n_bytes > _LONGEST_COMMAND:
                    return b""
                payload = await self._reader.readexactly(n_bytes)
            except asyncio.IncompleteReadError:
                return b""
            if flags & _Operation.CLEAR:
                parts.clear()
            if flags & _Operation.SERIAL_POLL:
                status = b"%c" % await self._station.status()
                self._writer.write(self._block(status, number, is_last=True))
                continue
            parts += payload
            if flags & _Operation.EOI and parts:
                self._number_before, self._number = self._number, number
                return bytes(parts)

    async def send(self, reply: Reply) -> None:
        # A client drops what answers an earlier message than its newest.
        number = self._number_before if reply.is_stale else self._number
        framed = bytearray()
        for begin in range(0, len(reply.data), _PIECE):
            is_last = begin + _PIECE >= len(reply.data)
            framed += self._block(reply.data[begin : begin + _PIECE], number, is_last=is_last)
        await pour(self._writer, bytes(framed), reply)

    def _block(self, data: bytes, number: int, *, is_last: bool) -> bytes:
        flags = _Operation.DATA | (_Operation.EOI if is_last else 0)
        return _HEADER.pack(flags, _VERSION, number, 0, len(data)) + data
