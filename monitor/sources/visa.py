"""What is said to an instrument: text queries and definite-length blocks (IEEE 488.2, 8.7.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ProtocolError
from monitor.sources.wire import CHUNK, Wire

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
        self.address = address
        self._wire = Wire(address, timeout_s, is_wanted)
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
        """Connect; see ``Wire.open``."""
        self._wire.open()
        self._stray = 0
        self._has_begun = False

    def close(self) -> None:
        """Disconnect; harmless if not connected."""
        self._wire.close()

    @property
    def is_stream(self) -> bool:
        """Return whether messages have no end of their own; valid once open."""
        return self._wire.is_stream

    def write(self, text: str) -> None:
        """Send a command that has no reply; or some, one a line."""
        self._wire.send(text)

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
        expected = f"a reply to {text!r}"
        reply = self._wire.line(expected, timeout_s)
        while reply == _LF and self._stray:
            self._stray -= 1
            reply = self._wire.line(expected, timeout_s)
        self._stray = 0
        self._wire.has_answered = True
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
        read = self._read_stream if self._wire.is_stream else self._read_message
        payload = read(text, framing, factor)
        self._wire.has_answered = True
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
        self._wire.check_wanted()
        byte = self._wire.read_soon(1, "a block", timeout_s)
        if byte in _SEPARATORS:
            byte = self._wire.read_soon(1, "a block", timeout_s)
        if not byte:
            return False
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
        byte = self._wire.read(1, expected)
        if byte in _SEPARATORS:
            byte = self._wire.read(1, expected)
        if byte != _LF:
            raise ProtocolError(
                f"{self.address}: expected {expected}, got {byte!r}; the announced length is wrong"
            )

    def _read_stream(self, text: str, framing: Framing, factor: int) -> bytes:
        header = self._header(text, framing)
        n_digits = self._n_digits(header, text)
        digits = self._wire.read(n_digits, f"a block length in reply to {text!r}")
        n_bytes = self._length(digits, text) * factor
        payload = self._wire.read(n_bytes, f"a block of {n_bytes} bytes in reply to {text!r}")
        self._stray = _MOST_LINE_FEEDS
        if framing.line_feeds:
            end = self._wire.read(1, f"a line feed after the {n_bytes} bytes in reply to {text!r}")
            self._check_end(end, n_bytes, text)
            self._stray = framing.line_feeds - 1
        return payload

    def _header(self, text: str, framing: Framing) -> bytes:
        """Return the ``#`` and the digit after it; what a family sends before them is dropped."""
        expected = f"a block header in reply to {text!r}"
        if self._has_begun:
            self._has_begun = False
            return b"#" + self._wire.read(1, expected)
        if not framing.prefix and not self._stray:
            return self._wire.read(2, expected)
        before = bytearray()
        while (byte := self._wire.read(1, expected)) != b"#":
            if byte == _LF and not before and self._stray:
                self._stray -= 1
                continue
            before += byte
            if len(before) > framing.prefix:
                return bytes(before[:2])
        self._stray = 0
        return byte + self._wire.read(1, expected)

    def _read_message(self, text: str, framing: Framing, factor: int) -> bytes:
        """Read a message whose end the transport marks.

        A read that ends where the message does may not tell so (VXI-11, VICP), and the next would
        wait in vain: so the last one asks for more than is left, and never for nothing.
        """
        message = bytearray()
        is_ended = self._wire.extend(message, _FIRST, f"a block in reply to {text!r}")
        begin = max(0, message.find(b"#", 0, framing.prefix + 1))
        n_digits = self._n_digits(bytes(message[begin : begin + 2]), text)
        begin += 2 + n_digits
        n_bytes = self._length(bytes(message[begin - n_digits : begin]), text) * factor
        expected = f"a block of {n_bytes} bytes in reply to {text!r}"
        while not is_ended and (left := begin + n_bytes - len(message)) > 0:
            size = min(CHUNK, left - 1) if left > CHUNK else left + _MOST_LINE_FEEDS
            is_ended = self._wire.extend(message, size, expected)
        payload = bytes(message[begin : begin + n_bytes])
        end = bytes(message[begin + n_bytes :])
        if len(payload) < n_bytes or end.strip(_LF) or len(end) > _MOST_LINE_FEEDS:
            raise ProtocolError(
                f"{self.address}: expected {n_bytes} bytes and a line feed in reply to {text!r},"
                f" got {len(message) - begin} bytes"
            )
        return payload

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
