"""The remote interface of a Rigol oscilloscope: a DHO1074, or with 8 bits a DS1104Z.

Commands, replies and codes follow the programming guides of the two. What is different from other
families: the offset lifts the trace, a single record waits for an edge, which here never comes,
until it is forced, its state is at first still that of the record before, and a DHO's preamble
tells how many points are to be read, not how many there are.
"""

from __future__ import annotations

import asyncio

from monitor.bench.scope.panel import DIVISIONS, Panel
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.inputs import InputCommands
from monitor.bench.vendors.interpreter import Interpreter, Sleep
from monitor.bench.vendors.rigol_waveform import DHO, DS1000Z, Transfer, nr3
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    choice,
    number,
    setting,
    within,
)
from monitor.model import NS

_TIMEBASES = tuple(m * 10.0**e for e in range(-9, 3) for m in (1, 2, 5))  # s a division


class RigolScope:
    """One scope as all its connections see it: settings, status and error queue are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._input = InputCommands(scope)
        self._model = DHO if scope.settings.bits > 8 else DS1000Z
        self._transfer = Transfer(scope, self._model)
        self._interpreter = Interpreter(
            scope,
            self._inputs() | self._control() | self._transfer.handlers(),
            reset=self._reset,
            sleep=sleep,
        )
        self._depth: int | None = None
        self._reset_interface()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records, errors and the waveform settings are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._reset_interface()

    def _reset_interface(self) -> None:
        self._is_behind = False
        """Whether the state is still that before the arming."""
        self._transfer.reset()

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._depth = None
        self._reset_interface()

    def _inputs(self) -> dict[str, Handler]:
        channel = self._input.at
        return {
            "*IDN?": lambda call: self._model.identity,
            **setting(
                ":CHANnel<n>:DISPlay", self._input.switch, lambda call: f"{channel(call).display:d}"
            ),
            **setting(
                ":CHANnel<n>:SCALe",
                self._input.set_scale,
                lambda call: nr3(channel(call).range / DIVISIONS),
            ),
            **setting(
                ":CHANnel<n>:OFFSet", self._input.set_shift, lambda call: nr3(-channel(call).middle)
            ),
            **setting(":CHANnel<n>:PROBe", self._set_probe, lambda call: nr3(channel(call).probe)),
            **setting(":CHANnel<n>:UNITs", self._set_units, lambda call: channel(call).units),
            **setting(
                ":CHANnel<n>:COUPling", self._set_coupling, lambda call: channel(call).coupling
            ),
        }

    def _set_probe(self, call: Call) -> None:
        self._input.attach(call, 1e-2, 1e3)

    def _set_units(self, call: Call) -> None:
        self._input.at(call).units = choice(call.argument(), "VOLTage", "WATT", "AMPere", "UNKNown")

    def _set_coupling(self, call: Call) -> None:
        self._input.at(call).coupling = choice(call.argument(), "AC", "DC")

    def _control(self) -> dict[str, Handler]:
        scope = self.scope
        return {
            **setting(
                ":TIMebase[:MAIN]:SCALe",
                self._set_timebase,
                lambda call: nr3(self._panel.range_s / self._model.divisions),
            ),
            **setting(":TIMebase:MODE", self._set_mode, lambda call: self._panel.mode),
            **setting(":ACQuire:TYPE", self._set_type, lambda call: self._panel.acquire_type),
            **setting(":ACQuire:MDEPth", self._set_depth, self._memory_depth),
            ":ACQuire:SRATe?": lambda call: nr3(NS / scope.period_ns),
            **setting(":TRIGger:SWEep", self._set_sweep, lambda call: self._panel.sweep),
            ":TRIGger:STATus?": self._status,
            ":SINGle": self._single,
            ":TFORce": self._force,
            ":RUN": self._run,
            ":STOP": self._halt,
        }

    def _set_timebase(self, call: Call) -> None:
        wanted = within(number(call.argument()), _TIMEBASES[0], 500.0)
        scale = next(step for step in _TIMEBASES if step >= wanted * (1 - 1e-9))
        self._panel.range_s = scale * self._model.divisions
        self._fit_depth()

    def _set_mode(self, call: Call) -> None:
        self._panel.mode = choice(call.argument(), "MAIN", "XY", "ROLL")

    def _set_type(self, call: Call) -> None:
        types = ("NORMal", "AVERages", "PEAK", "HRESolution")
        self._panel.acquire_type = choice(call.argument(), *types)

    def _set_sweep(self, call: Call) -> None:
        self._panel.sweep = choice(call.argument(), "AUTO", "NORMal", "SINGle")

    def _set_depth(self, call: Call) -> None:
        if not self.scope.running and not self._transfer.is_armed:
            return  # a stopped scope keeps its depth, and does not say so
        text = call.argument()
        if text.upper() == "AUTO":
            self._depth = None
            return
        if number(text) not in self._depths():
            raise ScpiError(-222, "Data out of range")
        self._depth = int(number(text))
        self._fit_depth()

    def _depths(self) -> tuple[int, ...]:
        n_shown = sum(channel.display for channel in self._panel.channels)
        share = (1, 1, 2, 4, 4)[n_shown] if self._model.is_shared else 1
        return tuple(depth // share for depth in self._model.depths)

    def _fit_depth(self) -> None:
        if self._depth is not None:
            self._panel.points = min(self._depth, self.scope.settings.memory)

    def _memory_depth(self, call: Call) -> Reply:
        return "AUTO" if self._depth is None else f"{self._transfer.n_points}"

    def _status(self, call: Call) -> Reply:
        if self._is_behind:
            self._is_behind = False
            return "STOP"
        if self._transfer.is_armed:
            return "WAIT"
        if self.scope.repeating:
            return "AUTO"
        return "TD" if self.scope.running else "STOP"

    def _single(self, call: Call) -> None:
        self.scope.stop()
        self._panel.sweep = "SING"
        self._transfer.is_armed = self._is_behind = True

    def _force(self, call: Call) -> None:
        if self._transfer.is_armed:
            self._transfer.is_armed = False
            self.scope.single()

    def _run(self, call: Call) -> None:
        self._transfer.is_armed = False
        self._panel.sweep = "AUTO"
        self.scope.run()

    def _halt(self, call: Call) -> None:
        self._transfer.is_armed = False
        self.scope.stop()
