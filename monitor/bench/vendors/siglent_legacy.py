"""The remote interface of a Siglent SDS1104X-E.

Commands, replies and codes follow the programming guide of the digital oscilloscopes series.
What is different from other families: headers and units stand in replies until headers are
switched off, numbers have prefixes, a block begins with ``ALL,`` whatever was asked for and ends
with two line feeds, codes are bytes, and what cannot be done is not done, without a word.
"""

from __future__ import annotations

import asyncio

from monitor.bench.scope.panel import Panel
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.interpreter import Interpreter, Sleep, channel_of
from monitor.bench.vendors.older_remote import (
    Headers,
    Inputs,
    Trigger,
    commands,
    nr3,
    timebase_of,
    transfer,
)
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    block,
    choice,
    samples,
    setting,
)
from monitor.bench.vendors.wavedesc import coding_of
from monitor.model import NS

IDENTITY = "Siglent Technologies,SDS1104X-E,BENCH0001,8.2.6.1.37R9"
_N_DIVISIONS = 14  # of the width of the screen
_DEPTHS = (7_000, 70_000, 700_000, 7_000_000)
_UNITS = {":TDIV?": "S"}


class SiglentLegacyScope:
    """One scope as all its connections see it: settings are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._headers = Headers(scope, _UNITS)
        self._trigger = Trigger(scope)
        self._interpreter = Interpreter(
            scope,
            Inputs(scope).handlers()
            | self._trigger.handlers()
            | self._headers.handlers()
            | self._control(),
            reset=self._reset,
            sleep=sleep,
            waits=False,
            split=commands,
            answer=self._headers.answer,
        )
        self._depth: int | None = None
        self._reset_interface()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records and what the interface was set to are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._reset_interface()

    def _reset_interface(self) -> None:
        self._headers.reset()
        self._trigger.reset()
        self._transfer = {"SP": 0, "NP": 0, "FP": 0}

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._depth = None
        self._reset_interface()

    def _control(self) -> dict[str, Handler]:
        return {
            "*IDN?": lambda call: IDENTITY,
            **setting(
                ":C<n>:UNIT",
                self._set_unit,
                lambda call: channel_of(self.scope, call).units[0],
            ),
            **setting(
                ":TDIV", self._set_timebase, lambda call: nr3(self._panel.range_s / _N_DIVISIONS)
            ),
            **setting(":MSIZ", self._set_depth, lambda call: _prefixed(self._depth or _DEPTHS[-1])),
            **setting(":ACQW", self._set_type, lambda call: "SAMPLING"),
            **setting(":WFSU", self._set_transfer, self._tell_transfer),
            ":SARA?": lambda call: _prefixed(NS / self.scope.period_ns) + "Sa/s",
            ":SANU?": self._n_samples,
            ":SAST?": self._state,
            ":C<n>:WF?": self._waveform,
        }

    def _set_unit(self, call: Call) -> None:
        unit = choice(call.argument(), "V", "A")
        channel_of(self.scope, call).units = {"V": "VOLT", "A": "AMP"}[unit]

    def _set_timebase(self, call: Call) -> None:
        self._panel.range_s = timebase_of(call) * _N_DIVISIONS
        self._fit_depth()

    def _set_depth(self, call: Call) -> None:
        depth = samples(call.argument())
        # A stopped scope keeps its depth; neither that nor a depth that it lacks is an error.
        if self.scope.repeating and depth in _DEPTHS:
            self._depth = depth
            self._fit_depth()

    def _fit_depth(self) -> None:
        if self._depth is not None:
            self._panel.points = min(self._depth, self.scope.settings.memory)

    def _set_type(self, call: Call) -> None:
        choice(call.argument(), "SAMPLING", "PEAK_DETECT", "HIGH_RES")

    def _set_transfer(self, call: Call) -> None:
        self._transfer |= transfer(call)

    def _tell_transfer(self, call: Call) -> Reply:
        return ",".join(f"{name},{value}" for name, value in self._transfer.items())

    def _n_samples(self, call: Call) -> Reply:
        record = self.scope.record
        n_samples = self.scope.n_points if record is None else record.n
        return f"{_prefixed(n_samples)}pts"

    def _state(self, call: Call) -> Reply:
        if self.scope.repeating:
            return "Auto"
        if self.scope.running:
            return "Trig'd"
        return "Ready" if self._trigger.is_armed else "Stop"

    def _waveform(self, call: Call) -> Reply:
        channel_of(self.scope, call)
        at, record = call.suffixes[0] - 1, self.scope.record
        choice(call.argument(), "DAT2", "ALL")
        if record is None or not record.channels[at].display:
            raise ScpiError(-230, "Data corrupt or stale")
        codes = self.scope.codes(record, at, coding_of(record.channels[at], 8, 1))
        every, count, first = (self._transfer[name] for name in ("SP", "NP", "FP"))
        sent = codes[first :: max(1, every)]
        sent = sent[: count or len(sent)]
        return b"ALL," + block(sent.tobytes(), 9) + b"\n"


def _prefixed(value: float) -> str:
    """Return a number as this scope prints it: ``7k``, ``1.4M``, ``500``."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.7g}{prefix}"
    return f"{value:.7g}"
