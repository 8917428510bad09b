"""What is said to an ElmorLabs PMD-USB over its serial port, and what it sends.

One byte is a command: 0 asks for its name, 1 for vendor, product and firmware, 4 for its
configuration, of which bytes 4 to 11 are an offset to each code, kept from its calibration. 7 and
three bytes (on or off, bytes of the time stamp, mask of channels) let it send records until told
otherwise: a tick and eight 12-bit codes in the upper bits of 16, V and I of inputs 1 to 4, low
byte first. Protocol: ElmorLabs' pmd-usb-serial-interface-fast; scale: see ``elmorlabs``.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np
import serial
from numpy.typing import NDArray

from monitor.errors import ConfigError, ConnectionLostError, InstrumentError, ProtocolError

NAME = b"ElmorLabs PMD-USB"
BAUD = 115_200
RECORD_BYTES = 18
RECORDS_PER_S = BAUD / 10 / RECORD_BYTES
"""What the line carries; the converters are faster, and what does not fit is never sent."""

_HELLO, _ID, _CONFIG, _SEND = 0x00, 0x01, 0x04, 0x07
_OFF, _ON = bytes((_SEND, 0, 0, 0)), bytes((_SEND, 1, 2, 0xFF))
_VENDOR, _PRODUCT = 0xEE, 0x0A
_OFFSETS = slice(4, 12)
_QUIET_S = 0.1  # without a byte: what was under way has come
_LONGEST_NOISE_S = 2.0
_LOW_NIBBLE = 0xF


class PmdLink:
    """The serial port of a PMD-USB; everything blocks, and one thread uses it.

    Parameters
    ----------
    port
        E.g. ``/dev/ttyACM0``.
    timeout_s
        How long the meter may be silent.
    """

    def __init__(self, port: str, timeout_s: float) -> None:
        self._name = port
        self._timeout_s = timeout_s
        self._port: Any = None
        self._rest = b""
        self._heard_s = 0.0
        self._offsets: NDArray[np.int16] = np.zeros(8, np.int16)

    def connect(self) -> str:
        """Open the port, find the meter, let it send; return name and firmware.

        Raises
        ------
        ConnectionLostError
            If the port cannot be used, or nothing answers there.
        ProtocolError
            If something else than a PMD-USB answers.
        ConfigError
            If the address is no serial port.
        """
        self.close()
        try:
            self._port = serial.Serial(self._name, BAUD, timeout=_QUIET_S, exclusive=True)
        except ValueError as error:
            raise ConfigError(f"{self._name!r} is no serial port: {error}") from error
        except OSError as error:  # SerialException is one
            raise ConnectionLostError(
                f"serial port {self._name} cannot be opened: {error.strerror or error}; check that"
                " the meter is plugged in, that you may use the port (group dialout), and that no"
                " other program does"
            ) from error
        try:
            return self._greet()
        except BaseException:
            self.close()
            raise

    def take(self, seconds: float) -> NDArray[np.int16]:
        """Return the records that came in about so much time.

        Returns
        -------
        shape (n, 8)
            Signed codes of V1, I1 ... V4, I4, with the meter's offsets; perhaps none.

        Raises
        ------
        ConnectionLostError
            If the meter is silent for too long, or unplugged.
        ProtocolError
            If what comes is no record: a byte was lost on the way.
        """
        n_wanted = max(1, round(seconds * RECORDS_PER_S)) * RECORD_BYTES - len(self._rest)
        data = self._rest + self._read(n_wanted, seconds)
        now_s = time.monotonic()
        if len(data) > len(self._rest):
            self._heard_s = now_s
        elif now_s - self._heard_s > self._timeout_s:
            raise ConnectionLostError(
                f"{self._name}: the PMD-USB is silent for {self._timeout_s:g} s; unplug it and plug"
                " it in again"
            )
        whole = len(data) // RECORD_BYTES * RECORD_BYTES
        self._rest = data[whole:]
        words = np.frombuffer(data[:whole], "<u2").reshape(-1, RECORD_BYTES // 2)[:, 1:]
        if (words & _LOW_NIBBLE).any():
            raise ProtocolError(
                f"{self._name}: expected 12-bit codes in the upper bits of 16, got others: a byte"
                " was lost on the way; use another USB port or cable if this comes often"
            )
        return (words.view(np.int16) >> 4) + self._offsets

    def close(self) -> None:
        """Let the meter be quiet and close the port; harmless if not open."""
        port, self._port = self._port, None
        if port is None:
            return
        with contextlib.suppress(OSError):  # it is gone already
            port.write(_OFF)
            port.flush()
        with contextlib.suppress(OSError):
            port.close()

    def _greet(self) -> str:
        self._send(_OFF)
        self._drain()
        name = self._ask(_HELLO, len(NAME))
        if name != NAME:
            raise self._stranger(f"it says {name[:32]!r}" if name else "it says nothing")
        vendor, product, firmware = self._ask(_ID, 3).ljust(3, b"\0")
        if (vendor, product) != (_VENDOR, _PRODUCT):
            raise self._stranger(f"it is product {product:#x} of vendor {vendor:#x}")
        config = self._ask(_CONFIG, _OFFSETS.stop)
        if len(config) < _OFFSETS.stop:
            raise self._stranger(f"its configuration has {len(config)} bytes")
        self._offsets = np.frombuffer(config[_OFFSETS], np.int8).astype(np.int16)
        self._send(_ON)
        self._rest, self._heard_s = b"", time.monotonic()
        return f"{NAME.decode()}, firmware {firmware}"

    def _ask(self, command: int, n_bytes: int) -> bytes:
        """Return the first bytes of a reply; what follows them is dropped."""
        self._send(bytes((command,)))
        reply = self._read(n_bytes, self._timeout_s)
        self._drain()
        return reply

    def _drain(self) -> None:
        """Read until nothing comes any more."""
        end_s = time.monotonic() + _LONGEST_NOISE_S
        while self._read(4096, _QUIET_S):
            if time.monotonic() > end_s:
                raise self._stranger("it does not stop sending")

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
            self._port.flush()
        except OSError as error:
            raise self._gone(error) from error

    def _read(self, n_bytes: int, seconds: float) -> bytes:
        try:
            self._port.timeout = seconds
            return bytes(self._port.read(n_bytes))
        except OSError as error:
            raise self._gone(error) from error

    def _gone(self, error: OSError) -> ConnectionLostError:
        return ConnectionLostError(f"{self._name}: the PMD-USB is gone: {error.strerror or error}")

    def _stranger(self, what: str) -> InstrumentError:
        return ProtocolError(
            f"{self._name}: expected an ElmorLabs PMD-USB at {BAUD} baud, but {what}; choose"
            " another port, or unplug the meter and plug it in again"
        )
