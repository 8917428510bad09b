"""Who answers when every host of the network is asked for a VXI-11 server.

The question is the portmapper's GETPORT (RFC 1833, section 3) for the VXI-11 core channel, sent
as one UDP packet to the broadcast address of each network; who has such a server tells its port.
"""

from __future__ import annotations

import contextlib
import ipaddress
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator

import psutil

from monitor.setup.candidate import Candidate, Found, Note

_PORTMAPPER_PORT = 111
_PORTMAPPER, _VERSION, _GETPORT = 100_000, 2, 3
_CORE_CHANNEL, _CORE_VERSION, _TCP = 0x0607AF, 1, 6
_CALL = (0, 2, _PORTMAPPER, _VERSION, _GETPORT, 0, 0, 0, 0, _CORE_CHANNEL, _CORE_VERSION, _TCP, 0)
_ACCEPTED = (1, 0, 0, 0, 0)  # a reply, accepted, no verifier (two words), successful
_LISTEN_S = 1.2
_LOOK_S = 0.1


def search_vxi11(found: Found, stopped: threading.Event) -> None:
    """Tell of each instrument that answers the broadcast; blocking, for about a second."""
    try:
        for host in answering(stopped, list(networks()), _PORTMAPPER_PORT):
            found(
                Candidate(
                    key=f"vxi11 {host}",
                    address=f"TCPIP::{host}::inst0::INSTR",
                    host=host,
                    found_by="VXI-11",
                    rank=2,
                )
            )
    except OSError as error:
        found(Note("VXI-11", f"no broadcast can be sent: {error.strerror or error}"))


def networks() -> Iterator[str]:
    """Yield the broadcast address of each IPv4 network that this computer is in."""
    for addresses in psutil.net_if_addrs().values():
        for item in addresses:
            if item.family is socket.AF_INET and item.netmask:
                network = ipaddress.IPv4Network(f"{item.address}/{item.netmask}", strict=False)
                yield str(network.broadcast_address)


def answering(stopped: threading.Event, to: list[str], port: int) -> Iterator[str]:
    """Ask; yield the address of each host that says it has a VXI-11 server."""
    xid = time.monotonic_ns() & 0xFFFF_FFFF
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        asker.setblocking(False)
        for address in to:
            with contextlib.suppress(OSError):  # a network that is down has no instruments
                asker.sendto(struct.pack(">14I", xid, *_CALL), (address, port))
        with selectors.DefaultSelector() as selector:
            selector.register(asker, selectors.EVENT_READ)
            limit = time.monotonic() + _LISTEN_S
            while time.monotonic() < limit and not stopped.is_set():
                if selector.select(_LOOK_S):
                    data, (host, _) = asker.recvfrom(512)
                    if has_server(data, xid):
                        yield host


def has_server(reply: bytes, xid: int) -> bool:
    """Return whether a reply to our question tells a port."""
    if len(reply) < 28:
        return False
    words = struct.unpack(">7I", reply[:28])
    return words[0] == xid and words[1:6] == _ACCEPTED and words[6] != 0
