"""A message in, what is sent in return out: whatever the transport, and whatever goes wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from monitor.bench.scope.faults import Fault, Faults
from monitor.bench.scope.passer_by import PasserBy
from monitor.bench.vendors.instruments import Instrument
from monitor.bench.vendors.scpi import Answer

_SLOW = 50_000.0  # bytes/s of a slow link
_MISSING = 10  # bytes of a short block; and by which a wrong length is too small
_HEADER = re.compile(rb"#([1-9])")


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent, and how."""

    data: bytes
    is_stale: bool = False
    """Whether it answers an earlier message."""
    cut: float | None = None
    """Share of it after which the connection is closed; None sends it all."""
    bytes_per_s: float | None = None
    """None is as fast as can be."""


class Wire(Protocol):
    """One connection, by messages."""

    async def receive(self) -> bytes:
        """Return the next message; empty if the peer is gone."""
        ...

    async def send(self, reply: Reply) -> None:
        """Send a reply, or the part of it before its cut; and then close."""
        ...


class Station:
    """An instrument as all its connections share it, with what goes wrong.

    Parameters
    ----------
    instrument
        Who answers.
    faults
        What goes wrong.
    cut_power
        Resets every connection and switches the instrument off for a while.
    """

    def __init__(
        self, instrument: Instrument, faults: Faults, cut_power: Callable[[], None]
    ) -> None:
        self.instrument = instrument
        self.faults = faults
        self._cut_power = cut_power
        self._passer_by = PasserBy(instrument.scope, faults)
        self._turn = asyncio.Lock()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says, one message of all connections at a time."""
        async with self._turn:
            self.strike()
            self._passer_by.act()
            return await self.instrument.execute(message)

    def push(self) -> bool:
        """Let happen what may before a record is pushed; return whether the pushing goes on."""
        self.strike()
        self._passer_by.act_without_knobs()
        return not self.faults.take(Fault.SILENCE)

    async def status(self) -> int:
        """Return the instrument's status byte; 0 if it tells none."""
        async with self._turn:
            answers = await self.instrument.execute("*STB?")
        text = answers[0] if answers and isinstance(answers[0], str) else "0"
        return int(float(text)) & 0xFF

    def strike(self) -> None:
        """Cut the power if that is due; ConnectionAbortedError if so."""
        if self.instrument.scope.running and self.faults.take(Fault.RESET):
            self._cut_power()
            raise ConnectionAbortedError("the power has failed")


async def converse(station: Station, wire: Wire) -> None:
    """Answer one connection until it ends."""
    dialogue = _Dialogue(station, wire)
    pushed: AsyncGenerator[bytes, None] | None = None
    while message := await dialogue.next_message(pushed):
        answers = await station.execute(message.decode("latin-1").strip())
        pushed = next((item for item in answers if isinstance(item, AsyncGenerator)), None)
        replies = [answer for answer in answers if isinstance(answer, str | bytes)]
        if replies and not await dialogue.answer(replies):
            return


class _Dialogue:
    """What one connection has been told."""

    def __init__(self, station: Station, wire: Wire) -> None:
        self._station = station
        self._faults = station.faults
        self._wire = wire
        self._before = b""

    async def answer(self, replies: list[str | bytes]) -> bool:
        """Send the replies to one message; return whether the connection goes on."""
        if self._faults.take(Fault.SILENCE):
            return True
        if self._before and self._faults.take(Fault.STALE_REPLY):
            await self._wire.send(Reply(self._before, is_stale=True))
        at = next((k for k, reply in enumerate(replies) if isinstance(reply, bytes)), None)
        parts = [reply if isinstance(reply, bytes) else reply.encode() for reply in replies]
        if at is not None:
            parts[at] = self._damaged(parts[at])
        data = b";".join(parts)
        if not self._faults.take(Fault.NO_LF):
            data += b"\n"
        is_cut = at is not None and self._faults.take(Fault.CLOSE_MID_BLOCK)
        slow = self._faults.take(Fault.SLOW_LINK)
        self._before = data
        await self._wire.send(
            Reply(
                data,
                cut=0.5 if is_cut else None,
                bytes_per_s=_SLOW if slow else None,
            )
        )
        return not is_cut

    def _damaged(self, block: bytes) -> bytes:
        header = _HEADER.search(block)
        if header is None:
            return block
        if self._faults.take(Fault.SHORT_BLOCK):
            block = block[:-_MISSING]
        if self._faults.take(Fault.WRONG_LENGTH):
            begin, n_digits = header.end(), int(header[1])
            length = int(block[begin : begin + n_digits])
            digits = b"%0*d" % (n_digits, max(0, length - _MISSING))
            block = block[:begin] + digits + block[begin + n_digits :]
        return block

    async def next_message(self, pushed: AsyncGenerator[bytes, None] | None) -> bytes:
        """Return the next message; until it arrives send what the instrument pushes, if any."""
        message = asyncio.ensure_future(self._wire.receive())
        try:
            while pushed is not None and not message.done():
                item = asyncio.ensure_future(anext(pushed))
                try:
                    await asyncio.wait({message, item}, return_when=asyncio.FIRST_COMPLETED)
                    if item.done() and not self._station.push():
                        pushed = None
                    elif item.done() and not await self.answer([item.result()]):
                        return b""
                except StopAsyncIteration:
                    pushed = None
                finally:
                    item.cancel()
            return await message
        finally:
            message.cancel()
