"""VICP, the transport of LeCroy's scopes, where pyvicp 1.1 needs help.

pyvicp reads a connection that its peer has closed for ever, at full load: it takes no bytes for
a slow peer. So its socket is made to say that nothing more will come.
"""

from __future__ import annotations

import socket
from typing import Any

from pyvisa.constants import InterfaceType
from pyvisa.resources import MessageBasedResource


class _EndingSocket:
    """A socket that raises where reading it returns no bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def recv_into(self, buffer: memoryview, n_bytes: int) -> int:
        n_read = self._connection.recv_into(buffer, n_bytes)
        if not n_read and n_bytes:
            raise ConnectionResetError("connection closed by the instrument")
        return n_read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def notice_the_end(resource: MessageBasedResource) -> None:
    """Let a VICP resource of PyVISA-py notice that its peer is gone; leave any other alone."""
    if resource.interface_type != InterfaceType.vicp:
        return
    session = getattr(resource.visalib, "sessions", {}).get(resource.session)
    client = getattr(session, "interface", None)
    if client is not None and isinstance(getattr(client, "_socket", None), socket.socket):
        client._socket = _EndingSocket(client._socket)
