"""One VISA resource: text queries and definite-length blocks, exact to the byte.

On SOCKET resources a termination character and binary data do not go together: PyVISA-py returns
from each read at every 0x0A inside the data (25 to 41 MB/s of random int8 against 326 to 469 MB/s
here), and without one it waits for a chunk that never fills. So text is read up to its line feed,
and a block by the length that its header announces.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import numpy as np
import pyvisa
from numpy.typing import NDArray
from pyvisa.constants import InterfaceType, StatusCode
from pyvisa.errors import VisaIOError
from pyvisa.resources import MessageBasedResource

from monitor.errors import ConfigError, ConnectionLostError, InstrumentError, ProtocolError

# PyVISA-py scans all that is pending after each 4 KB, so more than this gets slower.
_CHUNK = 65_536
_MAX_DIGITS = 9  # of a block's length; a gigabyte
_LF = b"\n"


class VisaLink:
    """A connection to one instrument; opened with ``with`` or ``open``.

    One thread uses it. Once it has raised, replies may be out of step with queries: close it.

    Parameters
    ----------
    address
        VISA resource name.
    timeout_s
        How long the instrument may be silent.
    is_wanted
        Is asked between the parts of a block; False gives the block up.
    """

    def __init__(
        self, address: str, timeout_s: float, *, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        if not timeout_s > 0:
            raise ConfigError(f"{address}: timeout_s must be above 0, got {timeout_s}")
        self.address = address
        self._timeout_ms = timeout_s * 1e3
        self._is_wanted = is_wanted
        self._manager: pyvisa.ResourceManager | None = None
        self._resource: MessageBasedResource | None = None
        self._has_answered = False

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect.

        Through PyVISA-py, or the VISA library that the environment variable
        ``PYVISA_LIBRARY`` names.

        Raises
        ------
        ConfigError
            If the address is not a VISA resource name, or of a kind that the library lacks.
        ConnectionLostError
            If nothing answers.
        """
        library = os.environ.get("PYVISA_LIBRARY") or "@py"
        try:
            self._manager = pyvisa.ResourceManager(library)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"VISA library {library!r} cannot be loaded: {error}; unset PYVISA_LIBRARY to use"
                " PyVISA-py"
            ) from error
        try:
            resource = self._manager.open_resource(
                self.address, open_timeout=round(self._timeout_ms)
            )
        except VisaIOError as error:
            if error.error_code in (
                StatusCode.error_invalid_resource_name,
                StatusCode.error_nonsupported_operation,
            ):
                raise self._bad_address(_reason(error)) from error
            raise self._lost("a connection", _reason(error)) from error
        except ValueError as error:  # PyVISA-py has no such kind, or lacks a library for it
            raise self._bad_address(_reason(error)) from error
        except Exception as error:  # PyVISA-py raises bare Exceptions
            raise self._lost("a connection", _reason(error)) from error
        if not isinstance(resource, MessageBasedResource):
            resource.close()
            raise self._bad_address("it is not a resource that takes messages")
        resource.timeout = self._timeout_ms
        resource.write_termination = "\n"
        self._resource = resource
        self._is_bytes = (
            resource.resource_class == "SOCKET" or resource.interface_type == InterfaceType.asrl
        )

    def close(self) -> None:
        """Disconnect; harmless if not connected."""
        resource, self._resource = self._resource, None
        if resource is not None:
            with contextlib.suppress(VisaIOError, OSError):
                resource.close()

    def write(self, text: str) -> None:
        """Send a command that has no reply."""
        with self._watch(f"to take {text!r}"):
            self._open.write(text)

    def query(self, text: str, *, timeout_s: float | None = None) -> str:
        """Send a command and return its reply, without line ending.

        Parameters
        ----------
        text
            One command with one text reply.
        timeout_s
            None takes the link's own.

        Raises
        ------
        ConnectionLostError
            If no whole reply came in time.
        ProtocolError
            If the reply is not ASCII.
        """
        self.write(text)
        resource = self._open
        with self._watch(f"a reply to {text!r}"):
            if self._is_bytes:
                resource.read_termination = "\n"
            if timeout_s is None:
                reply = bytes(resource.read_raw())
            else:
                resource.timeout = timeout_s * 1e3
                try:
                    reply = bytes(resource.read_raw())
                finally:
                    resource.timeout = self._timeout_ms
        self._has_answered = True
        if not reply.isascii():
            raise ProtocolError(
                f"{self.address}: expected text in reply to {text!r}, got {reply[:32]!r}"
                f" ({len(reply)} bytes)"
            )
        return reply.decode("ascii").strip()

    def query_block(self, text: str, dtype: str) -> NDArray[np.integer]:
        """Send a command and return the numbers of the definite-length block in its reply.

        IEEE 488.2, 8.7.9: ``#``, one digit N, N digits of length, that many bytes, line feed.

        Parameters
        ----------
        text
            One command with one block as its reply.
        dtype
            numpy name with byte order, e.g. ``<u2``.

        Raises
        ------
        ConnectionLostError
            If the block is cut short.
        ProtocolError
            If its frame is wrong, or its length is no whole number of items.
        """
        self.write(text)
        payload = self._read_stream(text) if self._is_bytes else self._read_message(text)
        width = np.dtype(dtype).itemsize
        if len(payload) % width:
            raise ProtocolError(
                f"{self.address}: expected items of {width} bytes in reply to {text!r}, got"
                f" {len(payload)} bytes; the instrument uses another format than was set"
            )
        return np.frombuffer(payload, dtype)

    def _read_stream(self, text: str) -> bytes:
        self._open.read_termination = ""
        n_digits = self._n_digits(self._read(2, f"a block header in reply to {text!r}"), text)
        n_bytes = self._length(self._read(n_digits, f"a block length in reply to {text!r}"), text)
        payload = self._read(n_bytes, f"a block of {n_bytes} bytes in reply to {text!r}")
        end = self._read(1, f"a line feed after the {n_bytes} bytes in reply to {text!r}")
        if end != _LF:
            raise ProtocolError(
                f"{self.address}: expected a line feed after the {n_bytes} bytes in reply to"
                f" {text!r}, got {end!r}; the announced length is wrong"
            )
        return payload

    def _read_message(self, text: str) -> bytes:
        with self._watch(f"a block in reply to {text!r}"):
            message = bytes(self._open.read_raw())
        n_digits = self._n_digits(message[:2], text)
        n_bytes = self._length(message[2 : 2 + n_digits], text)
        payload = message[2 + n_digits :]
        if payload[n_bytes:] not in (b"", _LF) or len(payload) < n_bytes:
            raise ProtocolError(
                f"{self.address}: expected {n_bytes} bytes and a line feed in reply to {text!r},"
                f" got {len(payload)} bytes"
            )
        return payload[:n_bytes]

    def _read(self, n_bytes: int, expected: str) -> bytes:
        data = bytearray()
        with self._watch(expected):
            while len(data) < n_bytes:
                if not self._is_wanted():
                    raise ConnectionLostError(f"{self.address} is being closed")
                size = min(n_bytes - len(data), _CHUNK)
                data += self._open.read_bytes(size, chunk_size=_CHUNK)
        return bytes(data)

    def _n_digits(self, header: bytes, text: str) -> int:
        if header[:1] == b"#" and header[1:].isdigit() and header[1:] != b"0":
            return int(header[1:])
        raise ProtocolError(
            f"{self.address}: expected a block such as '#800001000...' in reply to {text!r}, got"
            f" {header!r}"
        )

    def _length(self, digits: bytes, text: str) -> int:
        if digits.isdigit() and len(digits) <= _MAX_DIGITS:
            return int(digits)
        raise ProtocolError(
            f"{self.address}: expected the length of a block in reply to {text!r}, got {digits!r}"
        )

    @property
    def _open(self) -> MessageBasedResource:
        if self._resource is None:
            raise ConnectionLostError(f"{self.address} is not connected")
        return self._resource

    @contextlib.contextmanager
    def _watch(self, expected: str) -> Iterator[None]:
        try:
            yield
        except (VisaIOError, OSError) as error:
            raise self._lost(expected, _reason(error)) from error

    def _lost(self, expected: str, reason: str) -> InstrumentError:
        if not self._has_answered:
            return ConnectionLostError(
                f"no instrument answers at {self.address}: {reason}; check the address, the cable"
                " and that the scope's SOCKET/SCPI server is on"
            )
        return ConnectionLostError(f"{self.address}: expected {expected}, got {reason}")

    def _bad_address(self, reason: str) -> ConfigError:
        return ConfigError(
            f"{self.address!r} is no VISA address that can be used: {reason}; expected e.g."
            " TCPIP::192.168.1.20::5025::SOCKET"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, VisaIOError):
        if error.error_code == StatusCode.error_timeout:
            return "no answer in time"
        return str(error.description).rstrip(".")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
