"""The remote interface of a Tektronix oscilloscope: an MSO44, or with 8 bits an MDO3024.

Commands, replies and codes follow the programmer manuals. What is different from other families:
replies have headers until they are switched off, an event is told only after ``*ESR?``, and an
MSO44 pushes its records after ``CURVEStream?``, until the next message interrupts it.
"""

from __future__ import annotations

import asyncio
import re

from monitor.bench.scope.panel import DIVISIONS, Panel
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.inputs import InputCommands
from monitor.bench.vendors.interpreter import Interpreter, Sleep
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    boolean,
    choice,
    number,
    setting,
    within,
)
from monitor.bench.vendors.tektronix_curve import UNITS, Transfer, nr3
from monitor.model import NS

_MSO44 = "TEKTRONIX,MSO44,BENCH001,CF:91.1CT FV:1.28.3"
_MDO3024 = "TEKTRONIX,MDO3024,BENCH001,CF:91.1CT FV:v1.26"
_DEPTHS = (1_000, 10_000, 100_000, 1_000_000, 5_000_000, 10_000_000)  # of an MDO3024
_SCALES = tuple(m * 10.0**e for e in range(-9, 3) for m in (1, 2, 4))  # of an MDO3024, s


class TektronixScope:
    """One scope as all its connections see it: settings, status and events are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._input = InputCommands(scope)
        self._is_mso = scope.settings.bits > 8
        self._transfer = Transfer(scope, sleep)
        self._is_streaming = False
        self._interpreter = Interpreter(
            scope,
            self._status() | self._inputs() | self._control() | self._transfer.handlers(),
            reset=self._reset,
            sleep=sleep,
            answer=self._with_header,
        )
        self._reset_interface()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        if self._is_streaming:
            self._is_streaming = False
            self._interpreter.refuse(ScpiError(-410, "Query INTERRUPTED"))
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records, events and what the interface was set to are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._reset_interface()

    def _reset_interface(self) -> None:
        self._has_headers = True
        self._events: list[ScpiError] = []
        """Those that ``*ESR?`` has made readable."""
        self._transfer.reset()
        self._is_sequence = False
        self._is_streaming = False

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._reset_interface()

    def _with_header(self, call: Call, reply: str | bytes) -> str | bytes:
        if not self._has_headers or call.header.startswith("*"):
            return reply
        suffixes = iter(call.suffixes)
        name = re.sub("<N>", lambda match: str(next(suffixes)), call.header.upper().rstrip("?"))
        name = name.replace("[", "").replace("]", "")
        return f"{name} {reply}" if isinstance(reply, str) else name.encode() + b" " + reply

    def _status(self) -> dict[str, Handler]:
        return {
            "*IDN?": lambda call: _MSO44 if self._is_mso else _MDO3024,
            "*ESR?": self._read_register,
            "*CLS": self._clear,
            ":EVMsg?": self._event,
            ":EVENT?": lambda call: self._event(call).partition(",")[0],
            **setting(":HEADer", self._set_header, lambda call: f"{self._has_headers:d}"),
            ":BUSY?": lambda call: f"{self.scope.running and not self.scope.repeating:d}",
        }

    def _read_register(self, call: Call) -> Reply:
        self._events = []
        while (error := self._interpreter.errors.take()) is not None:
            self._events.append(error)
        return f"{self._interpreter.take_events()}"

    def _clear(self, call: Call) -> None:
        self._events = []
        self._interpreter.power_cycle()

    def _event(self, call: Call) -> str:
        if self._events:
            event = self._events.pop(0)
            return f'{abs(event.code)},"{event.text}"'
        if len(self._interpreter.errors):
            return '1,"No events to report - new events pending *ESR?"'
        return '0,"No events to report - queue empty"'

    def _set_header(self, call: Call) -> None:
        self._has_headers = boolean(call.argument())

    def _inputs(self) -> dict[str, Handler]:
        channel = self._input.at
        shown = ":DISplay:GLObal:CH<n>:STATE" if self._is_mso else ":SELect:CH<n>"
        return {
            **setting(shown, self._input.switch, lambda call: f"{channel(call).display:d}"),
            **setting(
                ":CH<n>:SCAle",
                self._input.set_scale,
                lambda call: nr3(channel(call).range / DIVISIONS),
            ),
            **setting(
                ":CH<n>:POSition",
                self._set_position,
                lambda call: nr3(channel(call).position_div),
            ),
            **setting(
                ":CH<n>:OFFSet", self._input.set_offset, lambda call: nr3(channel(call).offset)
            ),
            **setting(":CH<n>:COUPling", self._set_coupling, lambda call: channel(call).coupling),
            **self._probe(),
        }

    def _probe(self) -> dict[str, Handler]:
        channel = self._input.at
        if self._is_mso:
            return {
                **setting(
                    ":CH<n>:PROBEFunc:EXTAtten",
                    lambda call: self._set_probe(call, number(call.argument())),
                    lambda call: nr3(channel(call).probe),
                ),
                ":CH<n>:PROBEFunc:EXTUnits": self._set_units,
                ":CH<n>:PROBEFunc:EXTUnits:STATE": lambda call: None,
            }
        return {
            **setting(
                ":CH<n>:PRObe:GAIN",
                lambda call: self._set_probe(
                    call, 1.0 / within(number(call.argument()), 1e-6, 1e6)
                ),
                lambda call: nr3(1.0 / channel(call).probe),
            ),
            **setting(":CH<n>:YUNits", self._set_units, lambda call: UNITS[channel(call).units]),
        }

    def _set_position(self, call: Call) -> None:
        self._input.at(call).position_div = within(number(call.argument()), -8.0, 8.0)

    def _set_coupling(self, call: Call) -> None:
        self._input.at(call).coupling = choice(call.argument(), "AC", "DC")

    def _set_probe(self, call: Call, factor: float) -> None:
        self._input.at(call).attach(within(factor, 1e-3, 1e4))

    def _set_units(self, call: Call) -> None:
        unit = choice(call.argument().strip("\"'"), "V", "A")
        self._input.at(call).units = "AMP" if unit == "A" else "VOLT"

    def _control(self) -> dict[str, Handler]:
        controls = {
            **setting(":ACQuire:MODe", self._set_mode, lambda call: self._panel.acquire_type),
            **setting(
                ":ACQuire:STOPAfter",
                self._set_stop_after,
                lambda call: "SEQUENCE" if self._is_sequence else "RUNSTOP",
            ),
            **setting(":ACQuire:STATE", self._set_state, lambda call: f"{self.scope.running:d}"),
            **setting(":TRIGger:A:MODe", self._set_sweep, lambda call: self._panel.sweep),
            ":TRIGger:STATE?": lambda call: "AUTO" if self.scope.running else "SAVE",
        }
        return controls | (self._horizontal_of_mso() if self._is_mso else self._horizontal_of_mdo())

    def _set_mode(self, call: Call) -> None:
        modes = ("SAMple", "PEAKdetect", "HIRes", "AVErage", "ENVelope")
        self._panel.acquire_type = choice(call.argument(), *modes)

    def _set_stop_after(self, call: Call) -> None:
        self._is_sequence = choice(call.argument(), "SEQuence", "RUNSTop") == "SEQ"

    def _set_state(self, call: Call) -> None:
        if choice(call.argument(), "RUN", "STOP", "ON", "OFF", "1", "0") not in {"RUN", "ON", "1"}:
            self.scope.stop()
        elif self._is_sequence:
            self.scope.single()
        else:
            self.scope.run()

    def _set_sweep(self, call: Call) -> None:
        self._panel.sweep = choice(call.argument(), "AUTO", "NORMal")

    def _horizontal_of_mdo(self) -> dict[str, Handler]:
        return {
            **setting(":HORizontal:SCAle", self._set_scale_of_mdo, self._scale),
            **setting(":HORizontal:RECOrdlength", self._set_depth, self._record_length),
            ":HORizontal:SAMPLERate?": self._rate,
        }

    def _horizontal_of_mso(self) -> dict[str, Handler]:
        return {
            ":HORizontal:MODe": lambda call: choice(call.argument(), "AUTO", "MANual") and None,
            **setting(":HORizontal:MODe:SCAle", self._set_scale_of_mso, self._scale),
            **setting(":HORizontal:MODe:RECOrdlength", self._set_length, self._record_length),
            **setting(":HORizontal:MODe:SAMPLERate", self._set_rate, self._rate),
            ":CURVEStream?": self._stream,
        }

    def _scale(self, call: Call) -> Reply:
        return nr3(self._panel.range_s / DIVISIONS)

    def _record_length(self, call: Call) -> Reply:
        return f"{self.scope.n_points}"

    def _rate(self, call: Call) -> Reply:
        return nr3(NS / self.scope.period_ns)

    def _set_scale_of_mdo(self, call: Call) -> None:
        wanted = within(number(call.argument()), _SCALES[0], 400.0)
        scale = next(step for step in _SCALES if step >= wanted * (1 - 1e-9))
        self._panel.range_s = scale * DIVISIONS

    def _set_scale_of_mso(self, call: Call) -> None:
        self._panel.range_s = within(number(call.argument()), 1e-9, 1e3) * DIVISIONS

    def _set_depth(self, call: Call) -> None:
        wanted = within(number(call.argument()), 1, _DEPTHS[-1])
        depth = min(_DEPTHS, key=lambda depth: abs(depth - wanted))
        self._panel.points = min(depth, self.scope.settings.memory)

    def _set_length(self, call: Call) -> None:
        """Keep the rate; the record becomes longer or shorter."""
        points = round(within(number(call.argument()), 1_000, self.scope.settings.memory))
        self._panel.range_s = points * self.scope.period_ns / NS
        self._panel.points = points

    def _set_rate(self, call: Call) -> None:
        """Keep the length; the record lasts longer or less long."""
        rate_hz = within(number(call.argument()), 10.0, self.scope.settings.max_rate_hz)
        self._panel.range_s = self._panel.points / rate_hz

    def _stream(self, call: Call) -> Reply:
        self._is_streaming = True
        return self._transfer.stream()
