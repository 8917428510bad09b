"""What every SCPI instrument does with a message: look commands up, answer, keep status.

IEEE 488.2 chapters 10 and 11 (common commands, status), SCPI-99 volume 2, 21.8 (error queue).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from monitor.bench.scope.panel import N_CHANNELS, ChannelState
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Commands,
    ErrorQueue,
    Handler,
    ScpiError,
    Unit,
    undefined_header,
    units,
)

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""

_ERROR_BIT = 4  # of the status byte
_COMPLETE, _EXECUTION_ERROR, _COMMAND_ERROR = 1, 16, 32  # of the event status register


class Interpreter:
    """Executes messages with an instrument's table of commands.

    Adds the common commands to the table unless it has its own; ``*IDN?`` it must have. What cannot
    be done goes to the error queue and is not answered.

    Parameters
    ----------
    scope
        Whose acquisitions are waited for.
    handlers
        By header as the manual prints it; see ``Commands``.
    reset
        What ``*RST`` does, besides forgetting the records.
    sleep
        What a blocking command waits with.
    integer
        Format of the status registers.
    no_error
        What the error queue answers when it is empty.
    error
        Returns what the error queue answers for an error.
    waits
        Whether ``*OPC?`` and ``*OPC`` wait for a single acquisition.
    split
        Splits a message into commands.
    answer
        Returns a reply as it is sent, e.g. with the header of its query.
    """

    def __init__(
        self,
        scope: Scope,
        handlers: Mapping[str, Handler],
        *,
        reset: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
        integer: str = "{:d}",
        no_error: str = '0,"No error"',
        error: Callable[[ScpiError], str] = str,
        waits: bool = True,
        split: Callable[[str], list[Unit]] = units,
        answer: Callable[[Call, str | bytes], str | bytes] = lambda call, reply: reply,
    ) -> None:
        self.errors = ErrorQueue()
        self._scope = scope
        self._commands = Commands(self._common() | dict(handlers))
        self._on_reset = reset
        self._sleep = sleep
        self._integer = integer
        self._no_error = no_error
        self._error = error
        self._waits = waits
        self._split = split
        self._answer = answer
        self._is_blocked = False
        self._completes = False
        self._events = 0

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        replies: list[Answer] = []
        for header, arguments in self._split(message):
            try:
                handler, suffixes, printed = self._commands.find(header)
                call = Call(arguments, suffixes, printed)
                reply = handler(call)
            except ScpiError as error:
                self.refuse(error)
                continue
            if isinstance(reply, AsyncGenerator):
                replies.append(reply)
            elif reply is not None:
                replies.append(self._answer(call, reply))
            try:
                while self._is_blocked and self._scope.running:
                    await self._sleep(self._scope.wait_s())
            finally:  # who waits may be gone
                self._is_blocked = False
        return replies

    def power_cycle(self) -> None:
        """Switch off and on: errors and status are gone."""
        self.errors.clear()
        self._events = 0
        self._is_blocked = False
        self._completes = False

    def block(self) -> None:
        """Hold back whatever follows until the present acquisition is done."""
        self._is_blocked = True

    def refuse(self, error: ScpiError) -> None:
        """Put an error into the queue and its kind into the event status."""
        self.errors.append(error)
        command = -200 < error.code <= -100
        self._events |= _COMMAND_ERROR if command else _EXECUTION_ERROR

    def _common(self) -> dict[str, Handler]:
        return {
            "*RST": self._reset,
            "*CLS": self._clear,
            "*OPC": self._complete,
            "*OPC?": self._await_completion,
            "*WAI": self._wait,
            "*ESR?": lambda call: self._integer.format(self.take_events()),
            "*STB?": lambda call: self._integer.format(self._status()),
            ":SYSTem:ERRor[:NEXT]?": lambda call: self._next_error(),
        }

    def _reset(self, call: Call) -> None:
        self._scope.power_cycle()
        self._on_reset()

    def _clear(self, call: Call) -> None:
        self.errors.clear()
        self._events = 0
        self._completes = False

    def _complete(self, call: Call) -> None:
        self._completes = True

    def _await_completion(self, call: Call) -> str:
        self._wait(call)
        return "1"

    def _wait(self, call: Call) -> None:
        # Running without end is no operation that completes.
        self._is_blocked = self._waits and not self._scope.repeating

    def take_events(self) -> int:
        """Return the event status register and clear it."""
        if self._completes and not (self._waits and self._scope.running):
            self._events |= _COMPLETE
            self._completes = False
        events, self._events = self._events, 0
        return events

    def _status(self) -> int:
        return _ERROR_BIT if len(self.errors) else 0

    def _next_error(self) -> str:
        error = self.errors.take()
        return self._no_error if error is None else self._error(error)


def channel_of(scope: Scope, call: Call) -> ChannelState:
    """Return the input that the first number in a header means; refuse one that is not there."""
    at = call.suffixes[0]
    if not 1 <= at <= N_CHANNELS:
        raise undefined_header()
    return scope.panel.channels[at - 1]
