"""Where PyVISA-py's transports do not notice that an instrument is gone, and need help.

Raw sockets and the clients of VXI-11 and VICP (pyvicp 1.1) take no bytes for a slow peer: they
read a closed connection at full load until their timeout, VICP for ever. So their sockets are made
to say that nothing more will come. And closing a VXI-11 link whose instrument is silent waits five
seconds for its farewell.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from pyvisa.resources import MessageBasedResource

# Where a session has its connection, and the clients of two transports theirs.
_RAW, _VICP, _VXI11 = "interface", "_socket", "sock"


class _EndingSocket:
    """A socket that raises where reading it returns no bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def recv_into(self, buffer: memoryview, n_bytes: int) -> int:
        n_read = self._connection.recv_into(buffer, n_bytes)
        if not n_read and n_bytes:
            raise _end()
        return n_read

    def recv(self, n_bytes: int) -> bytes:
        data = self._connection.recv(n_bytes)
        if not data and n_bytes:
            raise _end()
        return data

    def shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):  # pyvicp closes only what it could shut down
            self._connection.shutdown(how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def notice_the_end(resource: MessageBasedResource) -> None:
    """Let a resource of PyVISA-py notice that its peer is gone."""
    session = _session(resource)
    for owner, name in ((session, _RAW), (_client(session), _VICP), (_client(session), _VXI11)):
        connection = getattr(owner, name, None)
        if isinstance(connection, socket.socket):
            setattr(owner, name, _EndingSocket(connection))


def give_up(resource: MessageBasedResource) -> None:
    """End the connection of a VXI-11 resource, so that closing it does not wait."""
    client = _client(_session(resource))
    with contextlib.suppress(OSError, AttributeError):  # it is gone, or of another transport
        getattr(client, _VXI11).shutdown(socket.SHUT_RDWR)


def _session(resource: MessageBasedResource) -> object:
    return getattr(resource.visalib, "sessions", {}).get(resource.session)


def _client(session: object) -> object:
    return getattr(session, "interface", None)


def _end() -> ConnectionResetError:
    return ConnectionResetError("connection closed by the instrument")
