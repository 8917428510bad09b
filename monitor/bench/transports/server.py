"""The bench's scope on a TCP port of this machine, over any of the transports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from types import TracebackType
from typing import Self

from monitor.bench.scope.faults import Faults
from monitor.bench.transports.choice import TRANSPORTS
from monitor.bench.transports.dialogue import Station
from monitor.bench.vendors.instruments import Instrument
from monitor.errors import InstrumentError

HOST = "127.0.0.1"
_LONGEST_MESSAGE = 1 << 16  # bytes
_MOST_HOSTS = 250
_OFF_S = 1.0  # after a power failure
_reserved: set[str] = set()
"""Addresses of instruments with a fixed port, those of which the power has failed among them."""


class ScopeServer:
    """Serves one instrument to any number of connections, on loopback only.

    ``stop`` and ``start`` switch the instrument off and on; the port stays the same.

    Parameters
    ----------
    instrument
        Who answers.
    transport
        A name in ``TRANSPORTS``.
    port
        0 takes any free one. A transport whose port is fixed takes an address of loopback to
        itself.
    """

    def __init__(self, instrument: Instrument, *, transport: str = "socket", port: int = 0) -> None:
        self.faults = Faults()
        self.host = HOST
        self._instrument = instrument
        self._transport = TRANSPORTS[transport](Station(instrument, self.faults, self._fail))
        self.port = self._transport.fixed_port or port
        """0 until started, if any free port may be taken."""
        self._may_move = self._transport.fixed_port is not None
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._failing: asyncio.Task[None] | None = None

    @property
    def visa(self) -> str:
        """Return the VISA resource name; valid once started."""
        return self._transport.visa(self.host, self.port)

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
        hosts = [self.host]
        if self._may_move:
            # By process, so that none takes what another's instrument left for a moment. Linux has
            # all of 127.0.0.0/8, others only 127.0.0.1.
            net = f"127.{os.getpid() >> 8 & 0xFF}.{os.getpid() & 0xFF}"
            some = [*(f"{net}.{k}" for k in range(2, _MOST_HOSTS)), HOST]
            hosts = [host for host in some if host not in _reserved]
        for host in hosts:
            try:
                server = await asyncio.start_server(
                    self._serve, host, self.port, limit=_LONGEST_MESSAGE
                )
            except OSError as error:
                if host != hosts[-1]:
                    continue
                raise InstrumentError(
                    f"the bench cannot listen on {host} port {self.port}: {error.strerror};"
                    " choose another --port, or 0 for any"
                ) from error
            break
        self._server = server
        self.host, self.port = server.sockets[0].getsockname()[:2]
        if self._transport.fixed_port is not None:
            self._may_move = False
            _reserved.add(self.host)

    async def stop(self) -> None:
        """Close every connection and forget what was acquired."""
        failing, self._failing = self._failing, None
        if failing is not None:
            failing.cancel()
            await asyncio.gather(failing, return_exceptions=True)
        await self._switch_off()
        _reserved.discard(self.host)

    async def _switch_off(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        self._instrument.power_cycle()

    def _fail(self) -> None:
        """Reset every connection and switch off; come back by itself after a while."""
        for writer in self._connections.values():
            connection = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closing, it says "reset" and not "finished"
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._failing = asyncio.ensure_future(self._stay_off())

    async def _stay_off(self) -> None:
        await self._switch_off()
        await asyncio.sleep(_OFF_S)
        await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections[task] = writer
            task.add_done_callback(lambda done: self._connections.pop(done, None))
        # A cancellation, which is by stop, ends here: raised further, Python 3.11 would log it.
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._transport.serve(reader, writer)
        except (OSError, ValueError):
            pass  # the peer is gone, or sent a message without an end
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
