"""The remote interface of a Rohde & Schwarz RTB2004, and of the HAMEG HMO2024 before it.

Commands, replies and codes follow the user manuals. What is different from other families: the
settings of probes have a subsystem of their own; ``SINGle`` overlaps what follows it, so that the
state just after it is still the one before; numbers are those of 32-bit floats, with ten digits.
The converter has as many bits as the bench is given.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from monitor.bench.scope.panel import DIVISIONS, Panel
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.inputs import InputCommands
from monitor.bench.vendors.interpreter import Interpreter, Sleep
from monitor.bench.vendors.rohde_schwarz_data import Transfer, single
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    boolean,
    choice,
    number,
    samples,
    setting,
    within,
)
from monitor.model import NS

_N_DIVISIONS = 12  # of the width of the screen
_SCREEN_DIVISIONS = 8  # of its height
_TIMEBASES = tuple(m * 10.0**e for e in range(-9, 3) for m in (1, 2, 5))  # s a division


@dataclass(frozen=True, slots=True)
class Model:
    """What is different between two scopes of the family."""

    identity: str
    depths: tuple[int, ...]
    """Samples that a record may be told to have; empty if the scope chooses."""


RTB2004 = Model(
    "Rohde&Schwarz,RTB2004,1333.1005k04/BENCH0001,02.400",
    tuple(m * 10**e for e in (4, 5, 6) for m in (1, 2, 5)),
)
HMO2024 = Model("HAMEG,HMO2024,BENCH0001,05.886", ())
_AUTOMATIC = {"AUTO": 20_000, "MWAV": 6_000, "MSAM": 1_000_000}
"""Samples of a record of a scope that chooses, by what it is to be good for; the bench's own."""


class RohdeSchwarzScope:
    """One scope as all its connections see it: settings, status and error queue are shared."""

    def __init__(
        self, scope: Scope, *, model: Model = RTB2004, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.scope = scope
        self._input = InputCommands(scope)
        self._model = model
        self._transfer = Transfer(scope)
        self._interpreter = Interpreter(
            scope,
            self._inputs() | self._control() | self._depth() | self._transfer.handlers(),
            reset=self._reset,
            sleep=sleep,
        )
        self._is_automatic = True
        self._rate = "AUTO"
        self._state = self._before = "BRE"

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records, errors and the format of data are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._transfer.reset()
        self._state = self._before = "BRE"

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._transfer.reset()
        self._is_automatic, self._rate = True, "AUTO"
        self._state = self._before = "BRE"

    def _inputs(self) -> dict[str, Handler]:
        channel = self._input.at
        return {
            "*IDN?": lambda call: self._model.identity,
            **setting(
                ":CHANnel<n>:STATe", self._input.switch, lambda call: f"{channel(call).display:d}"
            ),
            **setting(
                ":CHANnel<n>:SCALe",
                self._input.set_scale,
                lambda call: single(channel(call).range / DIVISIONS),
            ),
            **setting(
                ":CHANnel<n>:RANGe",
                lambda call: self._input.set_range(call, DIVISIONS / _SCREEN_DIVISIONS),
                lambda call: single(channel(call).range / DIVISIONS * _SCREEN_DIVISIONS),
            ),
            **setting(
                ":CHANnel<n>:OFFSet",
                self._input.set_offset,
                lambda call: single(channel(call).offset),
            ),
            **setting(
                ":CHANnel<n>:POSition",
                self._set_position,
                lambda call: single(channel(call).position_div),
            ),
            **setting(":CHANnel<n>:COUPling", self._set_coupling, self._coupling),
            **setting(
                ":PROBe<n>:SETup:ATTenuation:MANual",
                lambda call: self._input.attach(call, 1e-3, 1e4),
                lambda call: single(channel(call).probe),
            ),
            **setting(
                ":PROBe<n>:SETup:ATTenuation:UNIT",
                self._set_unit,
                lambda call: channel(call).units[:1],
            ),
        }

    def _set_position(self, call: Call) -> None:
        self._input.at(call).position_div = within(number(call.argument()), -5.0, 5.0)

    def _set_coupling(self, call: Call) -> None:
        word = choice(call.argument(), "DCLimit", "ACLimit", "DC", "AC")
        self._input.at(call).coupling = word[:2]

    def _coupling(self, call: Call) -> Reply:
        return f"{self._input.at(call).coupling}L"

    def _set_unit(self, call: Call) -> None:
        word = choice(call.argument(), "V", "A")
        self._input.at(call).units = "VOLT" if word == "V" else "AMP"

    def _control(self) -> dict[str, Handler]:
        return {
            **setting(
                ":TIMebase:SCALe",
                self._set_timebase,
                lambda call: single(self._panel.range_s / _N_DIVISIONS),
            ),
            ":TIMebase:ACQTime?": lambda call: single(self._panel.range_s),
            ":TIMebase:DIVisions?": lambda call: f"{_N_DIVISIONS}",
            **setting(":TRIGger:A:MODE", self._set_sweep, lambda call: self._panel.sweep),
            **setting(":CHANnel<n>:TYPE", self._set_type, lambda call: self._panel.acquire_type),
            ":ACQuire:SRATe?": lambda call: single(NS / self.scope.period_ns),
            ":ACQuire:STATe?": self._acquisition_state,
            ":SINGle": self._single,
            ":RUN": lambda call: self.scope.run(),
            ":STOP": self._stop,
        }

    def _set_timebase(self, call: Call) -> None:
        wanted = within(number(call.argument()), _TIMEBASES[0], 50.0)
        scale = next(step for step in _TIMEBASES if step >= wanted * (1 - 1e-6))
        self._panel.range_s = scale * _N_DIVISIONS

    def _set_sweep(self, call: Call) -> None:
        self._panel.sweep = choice(call.argument(), "AUTO", "NORMal")

    def _set_type(self, call: Call) -> None:
        types = ("SAMPle", "PDETect", "HRESolution")
        self._panel.acquire_type = choice(call.argument(), *types)

    def _acquisition_state(self, call: Call) -> Reply:
        told, self._before = self._before, ""
        return told or self._now()

    def _now(self) -> str:
        if self.scope.running:
            return "RUN"
        return "COMP" if self.scope.n_done else self._state

    def _single(self, call: Call) -> None:
        self._before = self._now()
        self.scope.single()

    def _stop(self, call: Call) -> None:
        self._state = "BRE" if self.scope.running else self._now()
        self.scope.stop()

    def _depth(self) -> dict[str, Handler]:
        points: dict[str, Handler] = {
            ":ACQuire:POINts[:VALue]?": lambda call: f"{self.scope.n_points}"
        }
        if not self._model.depths:
            return points | setting(
                ":ACQuire:WRATe", self._set_waveform_rate, lambda call: self._rate
            )
        return points | {
            ":ACQuire:POINts[:VALue]": self._set_points,
            **setting(
                ":ACQuire:POINts:AUTomatic",
                self._set_automatic,
                lambda call: f"{self._is_automatic:d}",
            ),
        }

    def _set_points(self, call: Call) -> None:
        wanted = samples(call.argument())
        if wanted not in self._model.depths:
            raise ScpiError(-222, "Data out of range")
        self._is_automatic = False
        self._panel.points = min(wanted, self.scope.settings.memory)

    def _set_automatic(self, call: Call) -> None:
        self._is_automatic = boolean(call.argument())

    def _set_waveform_rate(self, call: Call) -> None:
        self._rate = choice(call.argument(), "AUTO", "MWAVeform", "MSAMples")
        self._panel.points = min(_AUTOMATIC[self._rate], self.scope.settings.memory)
