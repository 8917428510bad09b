"""An ElmorLabs PMD-USB on a pseudo-terminal, on the 12 V feed that the bench's scope sees.

It speaks as ElmorLabs' pmd-usb-serial-interface-fast has it. What the line carries at 115,200 baud
is what it sends: 640 records of 18 bytes a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import tempfile
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from monitor.bench.load.signal import Waveform
from monitor.model import NS
from monitor.sources.elmorlabs import AMPS_PER_CODE, VOLTS_PER_CODE

NAME = b"ElmorLabs PMD-USB"
OFFSETS = (3, -2, 0, 5, -4, 1, 2, -1)
"""What its calibration adds to each code."""

_ID = bytes((0xEE, 0x0A, 6))
_CONFIG = struct.pack("<BxH8b32x", 5, 0x1234, *OFFSETS)
_SHARES = (0.35, 0.45, 0.15, 0.05)
"""Of the current that each input carries."""
_TICK_HZ = 2_933_500.0
_RATE_HZ = 640.0
_PIECE_S = 0.02
_LOWEST, _HIGHEST = -2048, 2047
_SETTING_BYTES = 3  # after the command that starts and stops


class BenchPmd:
    """A PMD-USB at the end of a serial port; unplugged and plugged in, its address stays.

    Parameters
    ----------
    waveform
        What flows through it.
    now_ns
        Returns the nanoseconds since the bench's zero.
    """

    def __init__(self, waveform: Waveform, now_ns: Callable[[], int]) -> None:
        self._waveform = waveform
        self._now_ns = now_ns
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._ends: tuple[int, int] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._heard = b""
        self._rest = b""
        self.lose_byte = False
        """Set, the next record lacks a byte."""
        self.is_sending = False
        """Whether records are sent."""

    @property
    def address(self) -> str:
        """Return the serial port; valid once entered."""
        if self._folder is None:
            raise RuntimeError("BenchPmd is used outside its `async with`")
        return str(Path(self._folder.name) / "pmd-usb")

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="wattstage-bench-")
        self.plug()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.unplug()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def plug(self) -> None:
        """Let the port be there."""
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._ends = ours, theirs
        Path(self.address).symlink_to(os.ttyname(theirs))
        asyncio.get_running_loop().add_reader(ours, self._hear)
        self._sender = asyncio.create_task(self._send_records())

    async def unplug(self) -> None:
        """Let the port be gone; harmless if it is."""
        ends, self._ends = self._ends, None
        if ends is None:
            return
        asyncio.get_running_loop().remove_reader(ends[0])
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        for end in ends:
            os.close(end)
        os.unlink(self.address)  # noqa: PTH108  # at once, and not in a thread
        self._heard = self._rest = b""
        self.is_sending = False

    def _hear(self) -> None:
        if self._ends is None:
            return
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._ends[0], 4096)
        while self._heard:
            command, setting = self._heard[0], self._heard[1 : 1 + _SETTING_BYTES]
            if command == 7 and len(setting) < _SETTING_BYTES:
                return  # the rest is on its way
            self._heard = self._heard[1 + (_SETTING_BYTES if command == 7 else 0) :]
            if command == 7:
                # Nothing else than time stamps of two bytes and all channels is known here.
                self.is_sending = setting == b"\x01\x02\xff"
                self._rest = b""
            else:
                self._write({0: NAME, 1: _ID, 4: _CONFIG}.get(command, b""))

    async def _send_records(self) -> None:
        sent = self._due()
        while True:
            await asyncio.sleep(_PIECE_S)
            due = self._due()
            if self.is_sending and due > sent:
                self._write(self._records(sent, due))
            sent = due

    def _due(self) -> int:
        return int(self._now_ns() / NS * _RATE_HZ)

    def _records(self, start: int, stop: int) -> bytes:
        volts, amps = self._waveform.sample(start, stop - start, _RATE_HZ)
        records = np.empty((stop - start, 9), "<i2")
        ticks = np.arange(start, stop) / _RATE_HZ * _TICK_HZ
        records[:, 0] = (ticks.astype(np.int64) & 0xFFFF).astype(np.uint16).view(np.int16)
        for number, share in enumerate(_SHARES):
            records[:, 1 + 2 * number] = _words(volts, VOLTS_PER_CODE, 2 * number)
            records[:, 2 + 2 * number] = _words(share * amps, AMPS_PER_CODE, 2 * number + 1)
        data = records.tobytes()
        if self.lose_byte:
            self.lose_byte = False
            return data[:7] + data[8:]
        return data

    def _write(self, data: bytes) -> None:
        """Send what the line takes; a record that has begun is ended, the others are dropped."""
        if self._ends is None:
            return
        data = self._rest + data
        try:
            n_sent = os.write(self._ends[0], data)
        except BlockingIOError:
            n_sent = 0
        n_begun = len(self._rest)
        left_of_record = -(n_sent - n_begun) % 18 if n_sent > n_begun else n_begun - n_sent
        self._rest = data[n_sent : n_sent + left_of_record] if n_sent < len(data) else b""


def _words(values: NDArray[np.float64], per_code: float, channel: int) -> NDArray[np.int16]:
    """Return what the converter of a channel sends: codes in the upper bits of 16."""
    codes = np.clip(np.rint(values / per_code) - OFFSETS[channel], _LOWEST, _HIGHEST)
    words: NDArray[np.int16] = codes.astype(np.int16) << 4
    return words
