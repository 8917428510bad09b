"""One VISA resource: lines and bytes, exact to the byte; its errors say what was lacking.

On SOCKET resources a termination character and binary data do not go together: PyVISA-py returns
from each read at every 0x0A inside the data (25 to 41 MB/s of random int8 against 326 to 469 MB/s
here), and without one it waits for a chunk that never fills. So text is read up to its line feed,
and a block by the length that its header announces.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import pyvisa
from pyvisa.constants import InterfaceType, StatusCode
from pyvisa.errors import VisaIOError
from pyvisa.resources import MessageBasedResource

from monitor.errors import ConfigError, ConnectionLostError, InstrumentError, WattstageError
from monitor.sources.peer import give_up, notice_the_end

# PyVISA-py scans all that is pending after each 4 KB, so more than this gets slower.
CHUNK = 65_536
"""Bytes that are asked for at once."""


class Wire:
    """A connection to one instrument, below what is said on it; one thread uses it.

    Parameters
    ----------
    address
        VISA resource name.
    timeout_s
        How long the instrument may be silent.
    is_wanted
        Is asked between the parts of a block; False gives the block up.
    """

    def __init__(self, address: str, timeout_s: float, is_wanted: Callable[[], bool]) -> None:
        if not timeout_s > 0:
            raise ConfigError(f"{address}: timeout_s must be above 0, got {timeout_s}")
        self.address = address
        self.has_answered = False
        """Whether the instrument has ever said what was expected of it."""
        self._timeout_ms = timeout_s * 1e3
        self._is_wanted = is_wanted
        self._manager: pyvisa.ResourceManager | None = None
        self._resource: MessageBasedResource | None = None
        self._is_lost = False

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

    def send(self, text: str) -> None:
        """Send some lines."""
        with self._watch(f"to take {text!r}"):
            for message in [text] if self._is_stream else text.split("\n"):
                self._open.write(message)

    def line(self, expected: str, timeout_s: float | None) -> bytes:
        """Return a message that is text; None takes the usual timeout."""
        resource = self._open
        with self._watch(expected), self._patience(timeout_s):
            if self._is_stream:
                resource.read_termination = "\n"
            return bytes(resource.read_raw())

    def read(self, n_bytes: int, expected: str) -> bytes:
        """Return so many bytes of a stream."""
        data = bytearray()
        with self._watch(expected):
            self._open.read_termination = ""
            while len(data) < n_bytes:
                self.check_wanted()
                size = min(n_bytes - len(data), CHUNK)
                data += self._open.read_bytes(size, chunk_size=CHUNK)
        return bytes(data)

    def read_soon(self, n_bytes: int, expected: str, timeout_s: float) -> bytes:
        """Return so many bytes of a stream; none if they do not begin in time."""
        try:
            with self._patience(timeout_s):
                return self.read(n_bytes, expected)
        except ConnectionLostError as error:
            if _is_timeout(error.__cause__):
                return b""
            raise

    def extend(self, message: bytearray, size: int, expected: str) -> bool:
        """Read a part of a message; return whether it was the last for sure."""
        self.check_wanted()
        with self._watch(expected):
            part = self._open.read_bytes(size, chunk_size=size, break_on_termchar=True)
        message += part
        return len(part) != size  # USBTMC gives whole messages, whatever was asked for

    def check_wanted(self) -> None:
        """Raise ConnectionLostError if nobody wants it any more."""
        if not self._is_wanted():
            raise ConnectionLostError(f"{self.address} is being closed")

    @contextlib.contextmanager
    def _patience(self, timeout_s: float | None) -> Iterator[None]:
        if timeout_s is not None:
            self._open.timeout = timeout_s * 1e3
        try:
            yield
        finally:
            if timeout_s is not None and self._resource is not None:
                self._resource.timeout = self._timeout_ms

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
        if not self.has_answered:
            return ConnectionLostError(
                f"no instrument answers at {self.address}: {reason}; check the address, the cable"
                " and that remote control is switched on at the instrument"
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
