"""The remote interface of a Siglent SDS2104X HD, or with 8 bits of an SDS5034X.

Commands, replies and codes follow the SDS series programming guide. What is different from other
families: there is no error queue and what cannot be done is not done, without a word; the
preamble is a binary descriptor, which tells of what a division was without the probe; a data
query gives a part of the record; two line feeds end a block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from monitor.bench.scope.panel import DIVISIONS, N_CHANNELS, Panel, Record
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.inputs import InputCommands
from monitor.bench.vendors.interpreter import Interpreter, Sleep
from monitor.bench.vendors.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    block,
    choice,
    number,
    samples,
    setting,
    within,
)
from monitor.bench.vendors.wavedesc import CODES, Wavedesc, coding_of, pack
from monitor.model import NS

_N_DIVISIONS = 10  # of the width of the screen
_TIMEBASES = tuple(m * 10.0**e for e in range(-10, 4) for m in (1, 2, 5))
_PAGE_BYTES = 500_000  # the bench's own; real ones give some millions
_END = b"\n"  # besides the one that ends every reply


@dataclass(frozen=True, slots=True)
class _Model:
    identity: str
    depths: tuple[int, ...]
    """With two inputs or more."""


_SDS2000X_HD = _Model(
    "Siglent Technologies,SDS2104X HD,BENCH0001,1.2.2.9",
    (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000),
)
_SDS5000X = _Model(
    "Siglent Technologies,SDS5034X,BENCH0001,0.9.9R8",
    tuple(digit * 10**power for power in range(2, 7) for digit in (25, 50, 125)),
)


class SiglentScope:
    """One scope as all its connections see it: settings are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._input = InputCommands(scope)
        self._model = _SDS2000X_HD if scope.settings.bits > 8 else _SDS5000X
        self._interpreter = Interpreter(
            scope,
            self._inputs() | self._control() | self._data(),
            reset=self._reset,
            sleep=sleep,
            waits=False,
        )
        self._depth: int | None = None
        self._reset_interface()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records and the waveform settings are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._reset_interface()

    def _reset_interface(self) -> None:
        self._mode = "AUTO"
        self._source = 0
        self._word = False
        self._high_first = False
        self._start = 0
        self._points = 0
        self._interval = 1

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
                ":CHANnel<n>:SWITch",
                self._input.switch,
                lambda call: "ON" if channel(call).display else "OFF",
            ),
            **setting(
                ":CHANnel<n>:SCALe",
                self._input.set_scale,
                lambda call: _nr3(channel(call).range / DIVISIONS),
            ),
            **setting(
                ":CHANnel<n>:OFFSet",
                self._input.set_shift,
                lambda call: _nr3(-channel(call).middle),
            ),
            **setting(":CHANnel<n>:PROBe", self._set_probe, lambda call: _nr3(channel(call).probe)),
            **setting(":CHANnel<n>:UNIT", self._set_unit, lambda call: channel(call).units[0]),
            **setting(
                ":CHANnel<n>:COUPling", self._input.couple, lambda call: channel(call).coupling
            ),
        }

    def _set_probe(self, call: Call) -> None:
        kind = choice(call.argument(), "DEFault", "VALue")
        factor = 1.0 if kind == "DEF" else number(call.argument(1))
        self._input.at(call).attach(within(factor, 1e-6, 1e6))

    def _set_unit(self, call: Call) -> None:
        self._input.at(call).units = {"V": "VOLT", "A": "AMP"}[choice(call.argument(), "V", "A")]

    def _control(self) -> dict[str, Handler]:
        scope = self.scope
        return {
            **setting(
                ":TIMebase:SCALe",
                self._set_timebase,
                lambda call: _nr3(self._panel.range_s / _N_DIVISIONS),
            ),
            **setting(":ACQuire:MODE", _accept("YT", "XY", "ROLL"), lambda call: "YT"),
            **setting(":ACQuire:TYPE", self._set_type, lambda call: self._panel.acquire_type),
            **setting(":ACQuire:SEQuence", _accept("ON", "OFF"), lambda call: "OFF"),
            **setting(
                ":ACQuire:MMANagement", _accept("AUTO", "FSRate", "FMDepth"), lambda call: "AUTO"
            ),
            **setting(":ACQuire:MDEPth", self._set_depth, self._memory_depth),
            ":ACQuire:SRATe?": lambda call: _nr3(NS / scope.period_ns),
            ":ACQuire:POINts?": lambda call: _nr3(self._n_points()),
            **setting(":TRIGger:MODE", self._set_trigger, lambda call: self._mode),
            ":TRIGger:STATus?": self._status,
            ":TRIGger:RUN": lambda call: scope.run(),
            ":TRIGger:STOP": lambda call: scope.stop(),
        }

    def _set_timebase(self, call: Call) -> None:
        wanted = within(number(call.argument()), _TIMEBASES[0], 1000.0)
        scale = next(step for step in _TIMEBASES if step >= wanted * (1 - 1e-9))
        self._panel.range_s = scale * _N_DIVISIONS
        self._fit_depth()

    def _set_type(self, call: Call) -> None:
        self._panel.acquire_type = choice(call.argument(), "NORMal", "PEAK", "AVERage", "ERES")

    def _set_depth(self, call: Call) -> None:
        depth = samples(call.argument())
        # A stopped scope keeps its depth; neither that nor a depth that it lacks is an error.
        if self.scope.repeating and depth in self._model.depths:
            self._depth = depth
            self._fit_depth()

    def _fit_depth(self) -> None:
        if self._depth is not None:
            self._panel.points = min(self._depth, self.scope.settings.memory)

    def _memory_depth(self, call: Call) -> Reply:
        depth = self._depth or self._model.depths[-1]
        return f"{depth / 1e6:g}M" if depth >= 1_000_000 else f"{depth / 1e3:g}k"

    def _n_points(self) -> int:
        record = self.scope.record
        return self.scope.n_points if record is None else record.n

    def _set_trigger(self, call: Call) -> None:
        self._mode = choice(call.argument(), "SINGle", "NORMal", "AUTO", "FTRIG")
        if self._mode == "FTRIG":
            self.scope.single()
        elif self._mode == "AUTO":
            self.scope.run()
        else:  # no edge comes, ever
            self.scope.stop()

    def _status(self, call: Call) -> Reply:
        if self.scope.repeating:
            return "Auto"
        if self.scope.running:
            return "Trig'd"
        return "Ready" if self._mode in {"SING", "NORM"} else "Stop"

    def _data(self) -> dict[str, Handler]:
        return {
            **setting(":WAVeform:SOURce", self._set_source, lambda call: f"C{self._source + 1}"),
            **setting(":WAVeform:STARt", self._set_start, lambda call: f"{self._start}"),
            **setting(":WAVeform:POINt", self._set_points, lambda call: f"{self._points}"),
            **setting(":WAVeform:INTerval", self._set_interval, lambda call: f"{self._interval}"),
            **setting(
                ":WAVeform:WIDTh", self._set_width, lambda call: "WORD" if self._word else "BYTE"
            ),
            **setting(
                ":WAVeform:BYTeorder",
                self._set_order,
                lambda call: "MSB" if self._high_first else "LSB",
            ),
            ":WAVeform:MAXPoint?": lambda call: f"{self._most_points}",
            ":WAVeform:PREamble?": self._preamble,
            ":WAVeform:DATA?": self._waveform_data,
        }

    def _set_source(self, call: Call) -> None:
        names = [f"C{k + 1}" for k in range(N_CHANNELS)]
        self._source = names.index(choice(call.argument(), *names))

    def _set_start(self, call: Call) -> None:
        self._start = round(within(number(call.argument()), 0, 1e9))

    def _set_points(self, call: Call) -> None:
        self._points = round(within(number(call.argument()), 0, 1e9))

    def _set_interval(self, call: Call) -> None:
        self._interval = round(within(number(call.argument()), 1, 1e9))

    def _set_width(self, call: Call) -> None:
        self._word = choice(call.argument(), "BYTE", "WORD") == "WORD"

    def _set_order(self, call: Call) -> None:
        self._high_first = choice(call.argument(), "LSB", "MSB") == "MSB"

    @property
    def _most_points(self) -> int:
        return _PAGE_BYTES // (1 + self._word)

    def _shown(self) -> Record:
        record = self.scope.record
        if record is None or not record.channels[self._source].display:
            raise ScpiError(-230, "Data corrupt or stale")
        return record

    def _span(self, record: Record) -> slice:
        """Return which samples are sent at once."""
        left = max(0, record.n - self._start) // self._interval
        count = min(left, self._points or left, self._most_points)
        return slice(self._start, self._start + count * self._interval, self._interval)

    def _preamble(self, call: Call) -> Reply:
        record = self._shown()
        channel, bits = record.channels[self._source], self.scope.settings.bits
        span = self._span(record)
        told = Wavedesc(
            template="WAVEACE",
            instrument="Siglent SDS",
            comm_type=int(self._word),
            comm_order=int(self._high_first),
            n_points=record.n,
            n_bytes=len(range(record.n)[span]) * (1 + self._word),
            first_point=self._start,
            sparsing=self._interval,
            vertical_gain=channel.range / DIVISIONS / channel.probe,
            vertical_offset=-channel.middle / channel.probe,
            # Of words where there are more than 8 bits, though bytes may be sent.
            max_value=CODES if bits == 8 else CODES << 8,
            nominal_bits=bits,
            interval_s=record.period_ns / NS,
            horizontal_offset_s=0.0,
            timebase=_index(self._panel.range_s / _N_DIVISIONS),
            probe=channel.probe,
            source=self._source,
        )
        return block(pack(told), 9) + _END

    def _waveform_data(self, call: Call) -> Reply:
        record = self._shown()
        coding = coding_of(record.channels[self._source], self.scope.settings.bits, 1 + self._word)
        codes = self.scope.codes(record, self._source, coding)[self._span(record)]
        ordered = codes.dtype.newbyteorder(">" if self._high_first else "<")
        return block(codes.astype(ordered).tobytes(), 9) + _END


def _accept(*options: str) -> Callable[[Call], None]:
    """Return what takes a word that changes nothing here."""

    def take(call: Call) -> None:
        choice(call.argument(), *options)

    return take


def _index(scale_s: float) -> int:
    return min(range(len(_TIMEBASES)), key=lambda k: abs(_TIMEBASES[k] - scale_s))


def _nr3(value: float) -> str:
    """Return a real number as a Siglent prints it."""
    return f"{value:.2E}"
