"""Power meters that are asked by SCPI, on the load that the bench's scope sees.

``ScpiMeter`` has the queries that many bench instruments share, ``YokogawaMeter`` those of a WT310E
as IM WT310E-17EN, chapter 5 has them: numeric data in ASCII or in single precision, high byte
first, where 0x7E951BEE (9.91E+37) is what does not exist and 0x7E94F56A (9.9E+37) overrange.
"""

from __future__ import annotations

import asyncio
import enum
import math
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

from monitor.bench.meters.means import Averager, Means
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.interpreter import Interpreter, Sleep
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    block,
    boolean,
    choice,
    nr3,
    number,
    setting,
    within,
)

_NAN, _OVER, _CODE = 9.91e37, 9.9e37, -1.0
_RATES_S = {"100MS": 0.1, "250MS": 0.25, "500MS": 0.5, "1S": 1.0, "2S": 2.0, "5S": 5.0}
_MOST_ITEMS = 255


class Wrong(enum.Enum):
    """What a meter gives instead of its values."""

    NAN = "nan"
    """There are none."""
    OVER = "over"
    """They are beyond the range."""
    CODE = "code"
    """A code such as Chroma's -1; of a Yokogawa the same as NAN."""


QUANTITIES: Mapping[str, Callable[[Means], float]] = MappingProxyType(
    {
        "W": lambda means: means.watts,
        "V": lambda means: means.volts,
        "I": lambda means: means.amps,
        "VA": lambda means: means.volt_amperes,
        "VAR": lambda means: means.vars,
        "PF": lambda means: means.power_factor,
        "FREQ": lambda means: means.hertz,
    }
)
"""What can be measured, as ``FETCh?`` names it."""

_FUNCTIONS = {
    "P": "W", "U": "V", "I": "I", "S": "VA", "Q": "VAR", "LAMB": "PF", "FU": "FREQ",
}  # fmt: skip


class Reader:
    """The values of a meter, or what it gives instead of them.

    Parameters
    ----------
    averager
        What measures.
    """

    def __init__(self, averager: Averager) -> None:
        self.averager = averager
        self.wrong: Wrong | None = None
        """What is given instead of values; None gives the values."""
        self.wrong_every = 1
        """Which update intervals that concerns: each, or every so manyth."""

    def read(self, quantity: str) -> float:
        """Return a value by its name in ``QUANTITIES``, or 9.91E+37, 9.9E+37 or -1."""
        newest = self.averager.latest()
        if newest is None:
            return _NAN
        count, means = newest
        if self.wrong is not None and count % self.wrong_every == 0:
            return {Wrong.NAN: _NAN, Wrong.OVER: _OVER, Wrong.CODE: _CODE}[self.wrong]
        value = QUANTITIES[quantity](means)
        return _NAN if math.isnan(value) else value


class ScpiMeter:
    """A power meter with queries of its own for each quantity, and one for several.

    Parameters
    ----------
    scope
        Its converters; nobody takes records with them.
    averager
        What measures.
    sleep
        What a blocking command waits with.
    """

    def __init__(self, scope: Scope, averager: Averager, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self.reader = Reader(averager)
        self._interpreter = Interpreter(scope, self._handlers(), reset=self._reset, sleep=sleep)

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: errors are gone, and measuring begins anew."""
        self._interpreter.power_cycle()
        self._reset()

    def _reset(self) -> None:
        self.reader.averager.restart(self.reader.averager.update_s)

    def _handlers(self) -> dict[str, Handler]:
        single = {
            ":MEASure:POWer[:ACTive]?": "W",
            ":MEASure:VOLTage[:RMS]?": "V",
            ":MEASure:CURRent[:RMS]?": "I",
            ":MEASure:FREQuency?": "FREQ",
        }
        return {
            "*IDN?": lambda call: "WATTSTAGE,BENCHMETER,BENCH001,1.0",
            ":FETCh?": self._fetch,
            **setting(
                ":SENSe:APERture",
                lambda call: self.reader.averager.restart(
                    within(number(call.argument()), 0.02, 60.0)
                ),
                lambda call: nr3(self.reader.averager.update_s),
            ),
            **{header: self._measured(quantity) for header, quantity in single.items()},
        }

    def _measured(self, quantity: str) -> Handler:
        return lambda call: nr3(self.reader.read(quantity))

    def _fetch(self, call: Call) -> str:
        wanted = [choice(text, *QUANTITIES) for text in call.arguments or ("W",)]
        return ",".join(nr3(self.reader.read(quantity)) for quantity in wanted)


class YokogawaMeter:
    """A Yokogawa WT310E: its items, its formats, its update rates.

    Parameters
    ----------
    scope
        Its converters; nobody takes records with them.
    averager
        What measures.
    sleep
        What a blocking command waits with.
    """

    def __init__(self, scope: Scope, averager: Averager, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self.reader = Reader(averager)
        self.is_remote = False
        """Whether the front panel is locked."""
        self._interpreter = Interpreter(scope, self._handlers(), reset=self._reset, sleep=sleep)
        self._reset()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: errors and what the interface was set to are gone."""
        self._interpreter.power_cycle()
        self._reset()
        self.is_remote = False

    def _reset(self) -> None:
        self._items = [("P", 1), ("U", 1), ("I", 1)]
        self._is_float = False
        self.reader.averager.restart(0.25)

    def _handlers(self) -> dict[str, Handler]:
        return {
            "*IDN?": lambda call: "YOKOGAWA,WT310E,BENCH001,F1.04",
            ":COMMunicate:HEADer": lambda call: None,
            **setting(
                ":COMMunicate:REMote",
                lambda call: setattr(self, "is_remote", boolean(call.argument())),
                lambda call: str(int(self.is_remote)),
            ),
            **setting(
                ":RATE",
                lambda call: self.reader.averager.restart(
                    _RATES_S[choice(call.argument(), *_RATES_S)]
                ),
                lambda call: nr3(self.reader.averager.update_s),
            ),
            **setting(
                ":NUMeric:FORMat",
                lambda call: setattr(
                    self, "_is_float", choice(call.argument(), "ASCii", "FLOat") == "FLO"
                ),
                lambda call: "FLO" if self._is_float else "ASC",
            ),
            **setting(
                ":NUMeric[:NORMal]:NUMber", self._set_number, lambda call: str(len(self._items))
            ),
            ":NUMeric[:NORMal]:ITEM<n>": self._set_item,
            ":NUMeric[:NORMal]:VALue?": self._values,
        }

    def _set_number(self, call: Call) -> None:
        n = int(within(number(call.argument()), 1, _MOST_ITEMS))
        self._items = (self._items + [("P", 1)] * n)[:n]

    def _set_item(self, call: Call) -> None:
        at = call.suffixes[0]
        if not 1 <= at <= len(self._items):
            raise ScpiError(-222, "Data out of range")
        function = choice(call.argument(), "P", "U", "I", "S", "Q", "LAMBda", "FU")
        element = int(number(call.argument(1))) if len(call.arguments) > 1 else 1
        self._items[at - 1] = function, element

    def _values(self, call: Call) -> Reply:
        # A WT310E has one element; of another, values do not exist.
        values = [
            self.reader.read(_FUNCTIONS[function]) if element == 1 else _NAN
            for function, element in self._items
        ]
        values = [_NAN if value == _CODE else value for value in values]
        if self._is_float:
            return block(struct.pack(f">{len(values)}f", *values), 4)
        return ",".join(map(_printed, values))


def _printed(value: float) -> str:
    if value == _NAN:
        return "NAN"
    return "INF" if value == _OVER else f"{value:.5E}"
