"""How an instrument on the bench can be reached, by the name of the transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from monitor.bench.transports.dialogue import Station
from monitor.bench.transports.hislip import Hislip
from monitor.bench.transports.raw_socket import Socket
from monitor.bench.transports.vicp import Vicp
from monitor.bench.transports.vxi11 import Vxi11


class Transport(Protocol):
    """A protocol by which messages travel over TCP."""

    @property
    def fixed_port(self) -> int | None:
        """Return the only port that clients can be told; None if any will do."""
        ...

    def visa(self, host: str, port: int) -> str:
        """Return the VISA resource name of an instrument that listens there."""
        ...

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one TCP connection until it ends."""
        ...


TRANSPORTS: Mapping[str, Callable[[Station], Transport]] = MappingProxyType(
    {
        "socket": Socket,
        "hislip": Hislip,
        "vxi11": Vxi11,
        "vicp": Vicp,
    }
)
