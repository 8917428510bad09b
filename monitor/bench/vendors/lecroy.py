"""The remote interface of a Teledyne LeCroy HDO4104A, or with 8 bits of a WaveSurfer 3054z.

Commands, replies and codes follow the MAUI remote control manual. What is different from other
families: headers stand before replies until they are switched off, a block has the name of what
it holds before it, the descriptor has the byte order of the data, a record is two samples longer
than the memory that was asked for, and whether there is a new one is told once.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Literal

from monitor.bench.scope.adc import Coding
from monitor.bench.scope.panel import Panel, Record
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.interpreter import Interpreter, Sleep
from monitor.bench.vendors.older_remote import (
    TIMEBASES,
    Headers,
    Inputs,
    Trigger,
    commands,
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
from monitor.bench.vendors.wavedesc import CODES, Wavedesc, coding_of, pack
from monitor.model import NS

_HDO4000 = "LECROY,HDO4104A,BENCH0001,9.2.0"
_WAVESURFER = "LECROY,WS3054Z,BENCH0001,9.2.0"
_N_DIVISIONS = 10  # of the width of the screen
_EXTRA = 2  # samples of a record beyond the memory that was asked for
_SWITCHED_ON = datetime(2026, 1, 31, 23, 59, 50)  # by its own clock, at the bench's zero
_ACQUIRED, _READY = 1 << 0, 1 << 13  # of the register of internal state changes
_UNITS = {":TDIV?": "S", ":MSIZ?": "SAMPLE"}


class LeCroyScope:
    """One scope as all its connections see it: settings, status and errors are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._headers = Headers(scope, _UNITS)
        self._trigger = Trigger(scope)
        self._interpreter = Interpreter(
            scope,
            Inputs(scope).handlers()
            | self._trigger.handlers()
            | self._headers.handlers()
            | self._control()
            | self._data(),
            reset=self._reset,
            sleep=sleep,
            split=commands,
            answer=self._headers.answer,
        )
        self._depth: int | None = None
        self._reset_interface()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records, errors and what the interface was set to are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._reset_interface()

    def _reset_interface(self) -> None:
        self._headers.reset()
        self._trigger.reset()
        self._told: Record | None = None
        self._word = True
        self._low_first = False
        self._transfer = {"SP": 0, "NP": 0, "FP": 0, "SN": 0}

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._depth = None
        self._reset_interface()

    def _control(self) -> dict[str, Handler]:
        is_fine = self.scope.settings.bits > 8
        return {
            "*IDN?": lambda call: _HDO4000 if is_fine else _WAVESURFER,
            "*CLS": self._clear,
            **setting(":TDIV", self._set_timebase, lambda call: f"{self._timebase_s():G}"),
            **setting(
                ":MSIZ", self._set_depth, lambda call: f"{self._depth or self._n_points():G}"
            ),
            **setting(":SEQ", self._set_sequence, lambda call: "OFF"),
            ":INR?": self._changes,
            ":VBS?": self._evaluate,
        }

    def _clear(self, call: Call) -> None:
        self._interpreter.errors.clear()
        self._interpreter.take_events()
        self._told = self.scope.record

    def _timebase_s(self) -> float:
        wanted = self._panel.range_s / _N_DIVISIONS
        return min(TIMEBASES, key=lambda step: abs(step - wanted))

    def _set_timebase(self, call: Call) -> None:
        self._fit(timebase_of(call))

    def _set_depth(self, call: Call) -> None:
        depth = samples(call.argument())
        if not 500 <= depth <= 50_000_000:
            raise ScpiError(-222, "Data out of range")
        self._depth = min(depth, self.scope.settings.memory - _EXTRA)
        self._fit(self._timebase_s())

    def _fit(self, timebase_s: float) -> None:
        """Let a record be as long as the screen, and two samples."""
        longer = 1.0
        if self._depth is not None:
            longer += _EXTRA / self._depth
            self._panel.points = self._depth + _EXTRA
        self._panel.range_s = timebase_s * _N_DIVISIONS * longer

    def _n_points(self) -> int:
        return self.scope.n_points

    def _set_sequence(self, call: Call) -> None:
        if choice(call.argument(), "ON", "OFF") == "ON":
            raise ScpiError(-222, "Data out of range")

    def _changes(self, call: Call) -> Reply:
        """Tell what has changed since it was asked last."""
        record = self.scope.record
        changes = _READY if self._trigger.is_armed else 0
        if record is not None and record is not self._told:
            changes |= _ACQUIRED
        self._told = record
        return f"{changes}"

    def _evaluate(self, call: Call) -> Reply:
        wanted = call.argument().strip("'\"").replace(" ", "").lower()
        if wanted != "return=app.acquisition.horizontal.samplingrate":
            raise ScpiError(-224, "Illegal parameter value")
        return f"{NS / self.scope.period_ns:.12g}"

    def _data(self) -> dict[str, Handler]:
        return {
            **setting(":CFMT", self._set_format, self._format),
            **setting(":CORD", self._set_order, lambda call: "LO" if self._low_first else "HI"),
            **setting(":WFSU", self._set_transfer, self._tell_transfer),
            ":C<n>:WF?": self._waveform,
        }

    def _set_format(self, call: Call) -> None:
        choice(call.argument(0), "DEF9")
        self._word = choice(call.argument(1), "BYTE", "WORD") == "WORD"
        choice(call.argument(2), "BIN")

    def _format(self, call: Call) -> Reply:
        return f"DEF9,{'WORD' if self._word else 'BYTE'},BIN"

    def _set_order(self, call: Call) -> None:
        self._low_first = choice(call.argument(), "LO", "HI") == "LO"

    def _set_transfer(self, call: Call) -> None:
        self._transfer |= transfer(call)

    def _tell_transfer(self, call: Call) -> Reply:
        return ",".join(f"{name},{value}" for name, value in self._transfer.items())

    def _waveform(self, call: Call) -> Reply:
        at = call.suffixes[0] - 1
        if not 0 <= at < len(self._panel.channels):
            raise ScpiError(-113, "Undefined header")
        part = choice(call.argument(), "DESC", "DAT1")
        data = self._descriptor(at) if part == "DESC" else self._codes(at)
        return f"{part},".encode() + b"\n" * (self._headers.mode == "OFF") + block(data, 9)

    @property
    def _order(self) -> Literal["<", ">"]:
        return "<" if self._low_first else ">"

    def _coding(self, record: Record | None, at: int) -> Coding:
        channels = self._panel.channels if record is None else record.channels
        return coding_of(channels[at], self.scope.settings.bits, 1 + self._word)

    def _span(self, record: Record | None) -> slice:
        """Return which samples are sent."""
        n_points = 0 if record is None else record.n
        every, count, first = (self._transfer[name] for name in ("SP", "NP", "FP"))
        left = len(range(n_points)[first :: max(1, every)])
        count = min(left, count or left)
        return slice(first, first + count * max(1, every), max(1, every))

    def _descriptor(self, at: int) -> bytes:
        record = self.scope.record
        channel = self._panel.channels[at] if record is None else record.channels[at]
        coding = self._coding(record, at)
        period_ns = self.scope.period_ns if record is None else record.period_ns
        n_points = 0 if record is None else record.n
        # The trigger is in the middle of the screen.
        before_ns = n_points // 2 * period_ns
        trigger_ns = before_ns + (0 if record is None else record.clock_ns)
        when = _SWITCHED_ON + timedelta(seconds=trigger_ns // NS)
        top = 0.5 * 8 * CODES * (256 if self._word else 1)
        told = Wavedesc(
            instrument="LECROYHDO4104A",
            comm_type=int(self._word),
            comm_order=int(self._low_first),
            n_points=n_points,
            n_bytes=len(range(n_points)[self._span(record)]) * (1 + self._word),
            first_point=self._transfer["FP"],
            sparsing=max(1, self._transfer["SP"]),
            vertical_gain=coding.increment,
            vertical_offset=-channel.middle,
            max_value=top,
            min_value=-top,
            nominal_bits=self.scope.settings.bits,
            interval_s=period_ns / NS,
            horizontal_offset_s=-before_ns / NS,
            unit=channel.units[0],
            trigger_time=when,
            trigger_second=when.second + trigger_ns % NS / NS,
            timebase=TIMEBASES.index(self._timebase_s()),
            probe=channel.probe,
            source=at,
        )
        return pack(told, self._order)

    def _codes(self, at: int) -> bytes:
        record = self.scope.record
        if record is None or not record.channels[at].display:
            raise ScpiError(-230, "Data corrupt or stale")
        codes = self.scope.codes(record, at, self._coding(record, at))[self._span(record)]
        return codes.astype(codes.dtype.newbyteorder(self._order)).tobytes()
