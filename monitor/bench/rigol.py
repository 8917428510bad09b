"""The remote interface of a Rigol oscilloscope: a DHO1074, or with 8 bits a DS1104Z.

Commands, replies and codes follow the programming guides of the two. What is different from other
families: the offset lifts the trace, a single record waits for an edge, which here never comes,
until it is forced, its state is at first still that of the record before, and a DHO's preamble
tells how many points are to be read, not how many there are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from monitor.bench.adc import Coding, step_of
from monitor.bench.interpreter import Interpreter, Sleep, channel_of
from monitor.bench.panel import DIVISIONS, N_CHANNELS, ChannelState, Panel, Record
from monitor.bench.scope import Scope
from monitor.bench.scpi import (
    Answer,
    Call,
    Handler,
    Reply,
    ScpiError,
    block,
    boolean,
    choice,
    number,
    setting,
    within,
)
from monitor.model import NS

_TIMEBASES = tuple(m * 10.0**e for e in range(-9, 3) for m in (1, 2, 5))  # s a division
_EMPTY = block(b"", 9)


@dataclass(frozen=True, slots=True)
class _Model:
    identity: str
    divisions: int
    """Of the width of the screen."""
    depths: tuple[int, ...]
    is_shared: bool
    """Whether the inputs that are on share the memory."""
    code_bits: int
    """Of the codes in WORD; a DS1000Z fills the upper byte with zeros."""
    tells_depth: bool
    """Whether the preamble tells how long the record is."""
    reference: int
    """Byte code of the origin."""

    @property
    def screen_points(self) -> int:
        """Return how many points a screen has."""
        return 100 * self.divisions


_DHO = _Model(
    identity="RIGOL TECHNOLOGIES,DHO1074,BENCH0001,00.02.10",
    divisions=10,
    depths=(1_000, 10_000, 100_000, 1_000_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000),
    is_shared=False,
    code_bits=16,
    tells_depth=False,
    reference=128,
)
_DS1000Z = _Model(
    identity="RIGOL TECHNOLOGIES,DS1104Z,BENCH0001,00.04.04.SP4",
    divisions=12,
    depths=(12_000, 120_000, 1_200_000, 12_000_000, 24_000_000),
    is_shared=True,
    code_bits=8,
    tells_depth=True,
    reference=127,
)
_PAGE_BYTES = 250_000


class RigolScope:
    """One scope as all its connections see it: settings, status and error queue are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._model = _DHO if scope.settings.bits > 8 else _DS1000Z
        self._interpreter = Interpreter(
            scope,
            self._inputs() | self._control() | self._data(),
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
        self._waits_for_edge = False
        self._is_behind = False
        """Whether the state is still that before the arming."""
        self._source = 0
        self._mode = "NORM"
        self._word = False
        self._start = 1
        self._stop = self._model.screen_points

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._depth = None
        self._reset_interface()

    def _inputs(self) -> dict[str, Handler]:
        channel = self._channel
        return {
            "*IDN?": lambda call: self._model.identity,
            **setting(
                ":CHANnel<n>:DISPlay", self._set_display, lambda call: f"{channel(call).display:d}"
            ),
            **setting(
                ":CHANnel<n>:SCALe",
                self._set_scale,
                lambda call: _nr3(channel(call).range / DIVISIONS),
            ),
            **setting(
                ":CHANnel<n>:OFFSet", self._set_offset, lambda call: _nr3(-channel(call).middle)
            ),
            **setting(":CHANnel<n>:PROBe", self._set_probe, lambda call: _nr3(channel(call).probe)),
            **setting(":CHANnel<n>:UNITs", self._set_units, lambda call: channel(call).units),
            **setting(
                ":CHANnel<n>:COUPling", self._set_coupling, lambda call: channel(call).coupling
            ),
        }

    def _channel(self, call: Call) -> ChannelState:
        return channel_of(self.scope, call)

    def _set_display(self, call: Call) -> None:
        self._channel(call).display = boolean(call.argument())

    def _set_scale(self, call: Call) -> None:
        self._channel(call).range = within(number(call.argument()) * DIVISIONS, 1e-6, 1e6)

    def _set_offset(self, call: Call) -> None:
        channel = self._channel(call)
        channel.offset = -within(number(call.argument()), -1e6, 1e6)
        channel.position_div = 0.0

    def _set_probe(self, call: Call) -> None:
        self._channel(call).attach(within(number(call.argument()), 1e-2, 1e3))

    def _set_units(self, call: Call) -> None:
        self._channel(call).units = choice(call.argument(), "VOLTage", "WATT", "AMPere", "UNKNown")

    def _set_coupling(self, call: Call) -> None:
        self._channel(call).coupling = choice(call.argument(), "AC", "DC")

    def _control(self) -> dict[str, Handler]:
        scope = self.scope
        return {
            **setting(
                ":TIMebase[:MAIN]:SCALe",
                self._set_timebase,
                lambda call: _nr3(self._panel.range_s / self._model.divisions),
            ),
            **setting(":TIMebase:MODE", self._set_mode, lambda call: self._panel.mode),
            **setting(":ACQuire:TYPE", self._set_type, lambda call: self._panel.acquire_type),
            **setting(":ACQuire:MDEPth", self._set_depth, self._memory_depth),
            ":ACQuire:SRATe?": lambda call: _nr3(NS / scope.period_ns),
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
        if not self.scope.running and not self._waits_for_edge:
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
        return "AUTO" if self._depth is None else f"{self._n_points()}"

    def _n_points(self) -> int:
        record = self.scope.record
        return self.scope.n_points if record is None else record.n

    def _status(self, call: Call) -> Reply:
        if self._is_behind:
            self._is_behind = False
            return "STOP"
        if self._waits_for_edge:
            return "WAIT"
        if self.scope.repeating:
            return "AUTO"
        return "TD" if self.scope.running else "STOP"

    def _single(self, call: Call) -> None:
        self.scope.stop()
        self._panel.sweep = "SING"
        self._waits_for_edge = self._is_behind = True

    def _force(self, call: Call) -> None:
        if self._waits_for_edge:
            self._waits_for_edge = False
            self.scope.single()

    def _run(self, call: Call) -> None:
        self._waits_for_edge = False
        self._panel.sweep = "AUTO"
        self.scope.run()

    def _halt(self, call: Call) -> None:
        self._waits_for_edge = False
        self.scope.stop()

    def _data(self) -> dict[str, Handler]:
        return {
            **setting(":WAVeform:SOURce", self._set_source, lambda call: f"CHAN{self._source + 1}"),
            **setting(":WAVeform:MODE", self._set_points_mode, lambda call: self._mode),
            **setting(
                ":WAVeform:FORMat", self._set_format, lambda call: "WORD" if self._word else "BYTE"
            ),
            **setting(":WAVeform:STARt", self._set_start, lambda call: f"{self._start}"),
            **setting(":WAVeform:STOP", self._set_stop, lambda call: f"{self._stop}"),
            ":WAVeform:PREamble?": self._preamble,
            ":WAVeform:DATA?": self._waveform_data,
        }

    def _set_source(self, call: Call) -> None:
        names = [f"CHANnel{k + 1}" for k in range(N_CHANNELS)]
        self._source = int(choice(call.argument(), *names)[-1]) - 1

    def _set_points_mode(self, call: Call) -> None:
        self._mode = choice(call.argument(), "NORMal", "MAXimum", "RAW")
        self._start, self._stop = 1, self._n_points() if self._is_raw else self._model.screen_points

    @property
    def _is_raw(self) -> bool:
        """Return whether the memory is read, not the screen."""
        return self._mode == "RAW" or (self._mode == "MAX" and not self.scope.running)

    def _set_format(self, call: Call) -> None:
        self._word = choice(call.argument(), "BYTE", "WORD") == "WORD"

    def _set_start(self, call: Call) -> None:
        self._start = round(within(number(call.argument()), 1, 1e9))

    def _set_stop(self, call: Call) -> None:
        self._stop = round(within(number(call.argument()), 1, 1e9))

    def _shown(self) -> Record:
        record = self.scope.record
        if record is None or not record.channels[self._source].display:
            raise ScpiError(-230, "Data corrupt or stale")
        return record

    def _preamble(self, call: Call) -> Reply:
        record = self._shown()
        coding = self._coding(record)
        period_s = record.period_ns / NS
        n_points = record.n if self._model.tells_depth else self._stop - self._start + 1
        if not self._is_raw:
            n_points = self._model.screen_points
            period_s *= record.n / n_points
        fields = [f"{self._word:d}", "2" if self._mode == "RAW" else "0", f"{n_points}", "1"]
        fields += [_nr3(period_s), _nr3(-0.5 * n_points * period_s), "0"]
        fields += [_nr3(coding.increment), f"{-coding.origin / coding.increment:.0f}"]
        return ",".join([*fields, f"{coding.reference:.0f}"])

    def _coding(self, record: Record) -> Coding:
        width = self._model.code_bits if self._word else 8
        reference = self._model.reference << (width - 8)
        channel = record.channels[self._source]
        return coding_of(channel, self.scope.settings.bits, width, reference)

    def _waveform_data(self, call: Call) -> Reply:
        record = self._shown()
        width = 1 + self._word
        count = self._stop - self._start + 1
        is_readable = not self._is_raw or not (self.scope.running or self._waits_for_edge)
        if not is_readable or not 1 <= count * width <= _PAGE_BYTES:
            return _EMPTY
        codes = self.scope.codes(record, self._source, self._coding(record))
        if not self._is_raw:
            n = self._model.screen_points
            codes = codes[np.arange(n) * record.n // n]
        page = codes[self._start - 1 : self._stop]
        return block(page.astype(f"<u{width}").tobytes(), 9)


def coding_of(channel: ChannelState, bits: int, width: int, reference: int) -> Coding:
    """Return what codes of ``width`` bits mean: 25 byte codes a division, about the reference."""
    increment = channel.range / DIVISIONS / (25 << (width - 8))
    return Coding(
        dtype=f"u{width // 8}",
        increment=increment,
        # The guide's origin is a whole number of codes; so is the middle of the screen.
        origin=round(channel.middle / increment) * increment,
        reference=reference,
        step=step_of(bits, width),
        low=0,
        high=(1 << width) - 1,
        below=0,
        above=(1 << width) - step_of(bits, width),
    )


def _nr3(value: float) -> str:
    """Return a real number as a Rigol prints it."""
    return f"{value:.6E}"
