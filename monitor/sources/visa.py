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
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import pyvisa
from numpy.typing import NDArray
from pyvisa.constants import InterfaceType, StatusCode
from pyvisa.errors import VisaIOError
from pyvisa.resources import MessageBasedResource

from monitor.errors import (
    ConfigError,
    ConnectionLostError,
    InstrumentError,
    ProtocolError,
    WattstageError,
)
from monitor.sources.peer import give_up, notice_the_end

# PyVISA-py scans all that is pending after each 4 KB, so more than this gets slower.
_CHUNK = 65_536
_MAX_DIGITS = 9  # of a block's length; a gigabyte
_FIRST = 1024  # bytes of a message that are read before its length is known
_LF = b"\n"
_SEPARATORS = frozenset({b",", b";"})  # between blocks that nobody asked for
_MOST_LINE_FEEDS = 2  # that any instrument sends after a block


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands around a block, besides its header: families differ."""

    prefix: int = 0
    """Most bytes of text before the ``#``, e.g. of ``DAT1,#9...``."""
    line_feeds: int = 1
    """That end it where messages have no end of their own."""
    counts_items: bool = False
    """Whether the header counts items, not bytes."""


PLAIN = Framing()


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
        self._is_lost = False
        self._stray = 0
        """Line feeds after the newest block that may still come."""
        self._has_begun = False
        """Whether the ``#`` of the next block was read."""

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
        notice_the_end(resource)
        self._resource = resource
        self._is_lost = False
        self._stray = 0
        self._has_begun = False
        self._is_stream = (
            resource.resource_class == "SOCKET" or resource.interface_type == InterfaceType.asrl
        )

    @property
    def is_stream(self) -> bool:
        """Return whether messages have no end of their own; valid once open."""
        return self._is_stream

    def close(self) -> None:
        """Disconnect; harmless if not connected."""
        resource, self._resource = self._resource, None
        if resource is not None:
            if self._is_lost:
                give_up(resource)
            with contextlib.suppress(Exception):  # it is gone, and each transport says so its way
                resource.close()

    def write(self, text: str) -> None:
        """Send a command that has no reply; or some, one a line."""
        with self._watch(f"to take {text!r}"):
            for message in [text] if self._is_stream else text.split("\n"):
                self._open.write(message)

    def query(self, text: str, *, timeout_s: float | None = None) -> str:
        """Send a command and return its reply, without line ending.

        Parameters
        ----------
        text
            Lines, of which the last has a text reply.
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
            if self._is_stream:
                resource.read_termination = "\n"
            if timeout_s is not None:
                resource.timeout = timeout_s * 1e3
            try:
                reply = bytes(resource.read_raw())
                while reply == _LF and self._stray:
                    self._stray -= 1
                    reply = bytes(resource.read_raw())
            finally:
                if timeout_s is not None:
                    resource.timeout = self._timeout_ms
        self._stray = 0
        self._has_answered = True
        if not reply.isascii():
            raise ProtocolError(
                f"{self.address}: expected text in reply to {text!r}, got {reply[:32]!r}"
                f" ({len(reply)} bytes)"
            )
        return reply.decode("ascii").strip()

    def query_block(self, text: str, dtype: str, framing: Framing = PLAIN) -> NDArray[np.integer]:
        """Send a command and return the numbers of the definite-length block in its reply.

        IEEE 488.2, 8.7.9: ``#``, one digit N, N digits of length, that many bytes, line feed.

        Parameters
        ----------
        text
            Lines, of which the last has one block as its reply.
        dtype
            numpy name with byte order, e.g. ``<u2``.
        framing
            What stands around the block.

        Raises
        ------
        ConnectionLostError
            If the block is cut short.
        ProtocolError
            If its frame is wrong, or its length is no whole number of items.
        """
        self.write(text)
        return self.read_block(text, dtype, framing)

    def read_block(self, text: str, dtype: str, framing: Framing = PLAIN) -> NDArray[np.integer]:
        """Return the numbers of a block that was asked for; as ``query_block``."""
        width = np.dtype(dtype).itemsize
        factor = width if framing.counts_items else 1
        read = self._read_stream if self._is_stream else self._read_message
        payload = read(text, framing, factor)
        self._has_answered = True
        if len(payload) % width:
            raise ProtocolError(
                f"{self.address}: expected items of {width} bytes in reply to {text!r}, got"
                f" {len(payload)} bytes; the instrument uses another format than was set"
            )
        return np.frombuffer(payload, dtype)

    def begins_block(self, timeout_s: float) -> bool:
        """Return whether a block that nobody asked for begins in time, on a stream.

        What separates it from the one before is taken away, and ``read_block`` reads the rest;
        with a framing of no line feed, after which ``check_end_of_blocks`` reads that.

        Raises
        ------
        ConnectionLostError
            If the connection is gone, or being closed.
        ProtocolError
            If something else comes.
        """
        self._check_wanted()
        resource = self._open
        resource.read_termination = ""
        resource.timeout = timeout_s * 1e3
        try:
            with self._watch("a block"):
                byte = resource.read_bytes(1)
                if byte in _SEPARATORS:
                    byte = resource.read_bytes(1)
        except ConnectionLostError as error:
            if _is_timeout(error.__cause__):
                return False
            raise
        finally:
            resource.timeout = self._timeout_ms
        if byte != b"#":
            raise ProtocolError(f"{self.address}: expected a block, got {byte!r}")
        self._has_begun = True
        return True

    def check_end_of_blocks(self) -> None:
        """Read the line feed after the last of some blocks that nobody asked for.

        Raises
        ------
        ConnectionLostError, ProtocolError
            If there is none.
        """
        expected = "a line feed after a pushed block"
        byte = self._read(1, expected)
        if byte in _SEPARATORS:
            byte = self._read(1, expected)
        if byte != _LF:
            raise ProtocolError(
                f"{self.address}: expected {expected}, got {byte!r}; the announced length is wrong"
            )

    def _read_stream(self, text: str, framing: Framing, factor: int) -> bytes:
        self._open.read_termination = ""
        header = self._header(text, framing)
        n_digits = self._n_digits(header, text)
        digits = self._read(n_digits, f"a block length in reply to {text!r}")
        n_bytes = self._length(digits, text) * factor
        payload = self._read(n_bytes, f"a block of {n_bytes} bytes in reply to {text!r}")
        self._stray = _MOST_LINE_FEEDS
        if framing.line_feeds:
            end = self._read(1, f"a line feed after the {n_bytes} bytes in reply to {text!r}")
            self._check_end(end, n_bytes, text)
            self._stray = framing.line_feeds - 1
        return payload

    def _header(self, text: str, framing: Framing) -> bytes:
        """Return the ``#`` and the digit after it; what a family sends before them is dropped."""
        expected = f"a block header in reply to {text!r}"
        if self._has_begun:
            self._has_begun = False
            return b"#" + self._read(1, expected)
        if not framing.prefix and not self._stray:
            return self._read(2, expected)
        before = bytearray()
        while (byte := self._read(1, expected)) != b"#":
            if byte == _LF and not before and self._stray:
                self._stray -= 1
                continue
            before += byte
            if len(before) > framing.prefix:
                return bytes(before[:2])
        self._stray = 0
        return byte + self._read(1, expected)

    def _read_message(self, text: str, framing: Framing, factor: int) -> bytes:
        """Read a message whose end the transport marks.

        A read that ends where the message does may not tell so (VXI-11, VICP), and the next would
        wait in vain: so the last one asks for more than is left, and never for nothing.
        """
        message = bytearray()
        is_ended = self._extend(message, _FIRST, f"a block in reply to {text!r}")
        begin = max(0, message.find(b"#", 0, framing.prefix + 1))
        n_digits = self._n_digits(bytes(message[begin : begin + 2]), text)
        begin += 2 + n_digits
        n_bytes = self._length(bytes(message[begin - n_digits : begin]), text) * factor
        expected = f"a block of {n_bytes} bytes in reply to {text!r}"
        while not is_ended and (left := begin + n_bytes - len(message)) > 0:
            size = min(_CHUNK, left - 1) if left > _CHUNK else left + _MOST_LINE_FEEDS
            is_ended = self._extend(message, size, expected)
        payload = bytes(message[begin : begin + n_bytes])
        end = bytes(message[begin + n_bytes :])
        if len(payload) < n_bytes or end.strip(_LF) or len(end) > _MOST_LINE_FEEDS:
            raise ProtocolError(
                f"{self.address}: expected {n_bytes} bytes and a line feed in reply to {text!r},"
                f" got {len(message) - begin} bytes"
            )
        return payload

    def _extend(self, message: bytearray, size: int, expected: str) -> bool:
        """Read a part of a message; return whether it was the last for sure."""
        self._check_wanted()
        with self._watch(expected):
            part = self._open.read_bytes(size, chunk_size=size, break_on_termchar=True)
        message += part
        return len(part) != size  # USBTMC gives whole messages, whatever was asked for

    def _read(self, n_bytes: int, expected: str) -> bytes:
        data = bytearray()
        with self._watch(expected):
            while len(data) < n_bytes:
                self._check_wanted()
                size = min(n_bytes - len(data), _CHUNK)
                data += self._open.read_bytes(size, chunk_size=_CHUNK)
        return bytes(data)

    def _check_wanted(self) -> None:
        if not self._is_wanted():
            raise ConnectionLostError(f"{self.address} is being closed")

    def _check_end(self, end: bytes, n_bytes: int, text: str) -> None:
        if end != _LF:
            raise ProtocolError(
                f"{self.address}: expected a line feed after the {n_bytes} bytes in reply to"
                f" {text!r}, got {end!r}; the announced length is wrong"
            )

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
        except WattstageError:
            raise
        except Exception as error:  # PyVISA-py raises RuntimeErrors, RPCErrors, EOFErrors ...
            raise self._lost(expected, _reason(error)) from error

    def _lost(self, expected: str, reason: str) -> InstrumentError:
        self._is_lost = True
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


def _is_timeout(error: BaseException | None) -> bool:
    return isinstance(error, VisaIOError) and error.error_code == StatusCode.error_timeout


def _reason(error: Exception) -> str:
    if isinstance(error, VisaIOError):
        if _is_timeout(error):
            return "no answer in time"
        return str(error.description).rstrip(".")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
