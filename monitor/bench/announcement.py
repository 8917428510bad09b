"""The bench announces itself by mDNS, on loopback only, as an instrument does on its network."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from monitor.errors import InstrumentError

_HOST = "127.0.0.1"
_SERVICES: Mapping[str, str] = MappingProxyType(
    {"socket": "_scpi-raw", "hislip": "_hislip", "vxi11": "_vxi-11"}
)
"""By transport; VICP has none of its own."""
_LXI, _LXI_PORT = "_lxi", 80  # an LXI instrument's page, which the bench lacks
_KEYS = ("Manufacturer", "Model", "SerialNumber", "FirmwareVersion")


@contextlib.asynccontextmanager
async def announced(identity: str, transport: str, host: str, port: int) -> AsyncIterator[None]:
    """Announce an instrument while the context is entered.

    Parameters
    ----------
    identity
        Its reply to ``*IDN?``.
    transport, host, port
        How it is reached.

    Raises
    ------
    InstrumentError
        If loopback carries no mDNS here.
    """
    services = services_of(identity, transport, host, port)
    try:
        net = AsyncZeroconf(interfaces=[_HOST], ip_version=IPVersion.V4Only)
    except OSError as error:
        raise InstrumentError(
            f"the bench cannot announce itself by mDNS on {_HOST}: {error.strerror}; leave"
            " --announce out and give its address by hand"
        ) from error
    try:
        register = net.async_register_service
        await asyncio.gather(*(register(each, allow_name_change=True) for each in services))
        yield
    finally:
        await net.async_unregister_all_services()
        await net.async_close()


def services_of(identity: str, transport: str, host: str, port: int) -> list[ServiceInfo]:
    """Return what an instrument announces: its transport, and that it is an LXI device."""
    fields = [field.strip() for field in identity.removeprefix("*IDN ").split(",")]
    properties = dict(zip(_KEYS, fields, strict=False))
    name = f"{' '.join(fields[:2])} on port {port}".replace(".", " ")
    kinds = {_LXI: _LXI_PORT}
    if transport in _SERVICES:
        kinds = {_SERVICES[transport]: port} | kinds
    return [
        ServiceInfo(
            f"{kind}._tcp.local.",
            f"{name}.{kind}._tcp.local.",
            addresses=[socket.inet_aton(host)],
            port=at,
            properties={"txtvers": "1", **properties},
            server=f"wattstage-bench-{port}.local.",
        )
        for kind, at in kinds.items()
    ]
