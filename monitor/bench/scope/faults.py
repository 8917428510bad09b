"""What can go wrong with an instrument: the names, and which of them wait for an occasion."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Self

from monitor.errors import ConfigError

_SPEC = re.compile(r"(?P<name>[a-z-]+)(@(?P<after>\d+(\.\d+)?))?(x(?P<times>\d+))?")
_MOST_TIMES = 1_000_000


class Fault(enum.Enum):
    """What goes wrong. Its value is its name on the command line."""

    LF_DATA = "lf-data"
    NO_LF = "no-lf"
    SHORT_BLOCK = "short-block"
    CLOSE_MID_BLOCK = "close-mid-block"
    SILENCE = "silence"
    WRONG_LENGTH = "wrong-length"
    STALE_REPLY = "stale-reply"
    RESET = "reset"
    SLOW_LINK = "slow-link"
    CLOCK_JUMP = "clock-jump"
    CLIPPING = "clipping"
    RANGE_CHANGE = "range-change"

    @property
    def text(self) -> str:
        """Return what happens."""
        return _TEXTS[self]


_TEXTS = {
    Fault.LF_DATA: "the inputs are set so that most samples hold the byte 0x0A, a line feed",
    Fault.NO_LF: "a reply lacks its line feed",
    Fault.SHORT_BLOCK: "a block ends before the length that its header announces",
    Fault.CLOSE_MID_BLOCK: "the connection is closed in the middle of a block",
    Fault.SILENCE: "a query is not answered, or no record is pushed any more",
    Fault.WRONG_LENGTH: "a block goes on beyond the length that its header announces",
    Fault.STALE_REPLY: "the reply before comes once more, ahead of the one asked for",
    Fault.RESET: "during a record all connections are reset and the power fails for a second",
    Fault.SLOW_LINK: "a reply trickles at 50 kB/s",
    Fault.CLOCK_JUMP: "the instrument's own clock jumps a minute ahead",
    Fault.CLIPPING: "during one record the signals are off the screen",
    Fault.RANGE_CHANGE: "somebody turns the vertical knobs",
}


class Faults:
    """The faults that wait for their next occasion."""

    def __init__(self) -> None:
        self._waiting: dict[Fault, int] = {}
        self._spared: dict[Fault, int] = {}

    def inject(self, fault: Fault | str, times: int = 1, *, spare: int = 0) -> None:
        """Let a fault strike the next ``times`` occasions that it has, after ``spare`` others.

        Raises
        ------
        ConfigError
            If there is no fault of this name.
        """
        fault = named(fault)
        self._waiting[fault] = self._waiting.get(fault, 0) + times
        self._spared[fault] = spare

    def clear(self) -> None:
        """Forget the faults that have not struck."""
        self._waiting.clear()

    def waits(self, fault: Fault) -> bool:
        """Return whether a fault has still to strike."""
        return self._waiting.get(fault, 0) > 0

    def take(self, fault: Fault) -> bool:
        """Return whether a fault strikes now, and count it."""
        if not self.waits(fault):
            return False
        if self._spared[fault]:
            self._spared[fault] -= 1
            return False
        self._waiting[fault] -= 1
        return True


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that is to strike some time after the start."""

    fault: Fault
    after_s: float = 0.0
    times: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what ``NAME[@SECONDS][xTIMES]`` says.

        Raises
        ------
        ConfigError
            If it says nothing of the kind.
        """
        match = _SPEC.fullmatch(text)
        if match is None or not 1 <= int(match["times"] or 1) <= _MOST_TIMES:
            raise ConfigError(
                f"a fault is written NAME[@SECONDS][xTIMES], e.g. short-block@5x3, got {text!r}"
            )
        after_s, times = float(match["after"] or 0.0), int(match["times"] or 1)
        return cls(named(match["name"]), after_s, times)


def named(fault: Fault | str) -> Fault:
    """Return the fault of a name; ConfigError tells those that exist."""
    try:
        return Fault(fault)
    except ValueError as error:
        names = ", ".join(each.value for each in Fault)
        raise ConfigError(f"the bench has no fault {fault!r}; expected one of {names}") from error
