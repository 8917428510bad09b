"""The remote interface of a Keysight InfiniiVision oscilloscope.

Commands, replies and codes follow the InfiniiVision X-Series programmer's guide: code 0 marks a
hole, code 1 a sample below the screen, the highest code one above it. Two things are the bench's
own: the number of points that is asked for decides the sample rate, and in gap-free mode
``:WAVeform:SEGMented:TTAG?`` answers with the record's start on the scope's clock.
"""

from __future__ import annotations

import asyncio

from monitor.bench.scope.adc import Coding, step_of
from monitor.bench.scope.panel import N_CHANNELS, ChannelState, Panel, Record
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
    boolean,
    choice,
    nr3,
    number,
    undefined_header,
    within,
)
from monitor.model import NS

IDENTITY = "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,BENCH0001,07.50"
_RUN_BIT = 8  # of the operation status register
_HALF_SCREEN = 127  # byte codes from the middle of the screen to its top


class InfiniiVision:
    """One scope as all its connections see it: settings, status and error queue are shared."""

    def __init__(self, scope: Scope, *, sleep: Sleep = asyncio.sleep) -> None:
        self.scope = scope
        self._input = InputCommands(scope)
        self._interpreter = Interpreter(
            scope,
            self._inputs() | self._control() | self._data(),
            reset=self._reset,
            sleep=sleep,
            integer="{:+d}",
            no_error='+0,"No error"',
            waits=False,
        )
        self._reset_waveform()

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order."""
        return await self._interpreter.execute(message)

    def power_cycle(self) -> None:
        """Switch off and on: records, errors and the waveform settings are gone."""
        self.scope.power_cycle()
        self._interpreter.power_cycle()
        self._reset_waveform()

    def _reset_waveform(self) -> None:
        self._source = 0
        self._word = False
        self._unsigned = True
        self._lsb_first = False
        self._points_mode = "NORM"

    @property
    def _panel(self) -> Panel:
        return self.scope.panel

    def _reset(self) -> None:
        self.scope.panel = Panel()
        self._reset_waveform()

    def _inputs(self) -> dict[str, Handler]:
        return {
            "*IDN?": lambda call: IDENTITY,
            ":CHANnel<n>:DISPlay": self._input.switch,
            ":CHANnel<n>:DISPlay?": lambda call: f"{self._input.at(call).display:d}",
            ":CHANnel<n>:RANGe": self._input.set_range,
            ":CHANnel<n>:RANGe?": lambda call: nr3(self._input.at(call).range),
            ":CHANnel<n>:SCALe": self._input.set_scale,
            ":CHANnel<n>:SCALe?": lambda call: nr3(self._input.at(call).range / 10.0),
            ":CHANnel<n>:OFFSet": self._input.set_offset,
            ":CHANnel<n>:OFFSet?": lambda call: nr3(self._input.at(call).offset),
            ":CHANnel<n>:PROBe": lambda call: self._input.attach(call, 1e-3, 1e4),
            ":CHANnel<n>:PROBe?": lambda call: nr3(self._input.at(call).probe),
            ":CHANnel<n>:UNITs": self._set_units,
            ":CHANnel<n>:UNITs?": lambda call: self._input.at(call).units,
            ":CHANnel<n>:COUPling": self._set_coupling,
            ":CHANnel<n>:COUPling?": lambda call: self._input.at(call).coupling,
        }

    def _set_units(self, call: Call) -> None:
        self._input.at(call).units = choice(call.argument(), "VOLT", "AMPere")

    def _set_coupling(self, call: Call) -> None:
        self._input.at(call).coupling = choice(call.argument(), "AC", "DC")

    def _control(self) -> dict[str, Handler]:
        scope = self.scope
        return {
            ":TIMebase:RANGe": lambda call: self._set_timebase(call, 1.0),
            ":TIMebase:RANGe?": lambda call: nr3(self._panel.range_s),
            ":TIMebase:SCALe": lambda call: self._set_timebase(call, 10.0),
            ":TIMebase:SCALe?": lambda call: nr3(self._panel.range_s / 10.0),
            ":TIMebase:POSition": self._set_position,
            ":TIMebase:POSition?": lambda call: nr3(self._panel.position_s),
            ":TIMebase:MODE": self._set_mode,
            ":TIMebase:MODE?": lambda call: self._panel.mode,
            ":ACQuire:TYPE": self._set_type,
            ":ACQuire:TYPE?": lambda call: self._panel.acquire_type,
            ":ACQuire:SRATe?": lambda call: nr3(NS / scope.period_ns),
            ":ACQuire:POINts?": lambda call: f"{scope.n_points:+d}",
            ":TRIGger:SWEep": self._set_sweep,
            ":TRIGger:SWEep?": lambda call: self._panel.sweep,
            ":SINGle": lambda call: scope.single(),
            ":RUN": lambda call: scope.run(),
            ":STOP": lambda call: scope.stop(),
            ":DIGitize": self._digitize,
            ":OPERegister:CONDition?": lambda call: f"{_RUN_BIT if scope.running else 0:+d}",
        }

    def _set_timebase(self, call: Call, divisions: float) -> None:
        self._panel.range_s = within(number(call.argument()) * divisions, 1e-6, 500.0)

    def _set_position(self, call: Call) -> None:
        self._panel.position_s = within(number(call.argument()), -500.0, 500.0)

    def _set_mode(self, call: Call) -> None:
        self._panel.mode = choice(call.argument(), "MAIN", "WINDow", "XY", "ROLL")

    def _set_type(self, call: Call) -> None:
        types = ("NORMal", "AVERage", "HRESolution", "PEAK")
        self._panel.acquire_type = choice(call.argument(), *types)

    def _set_sweep(self, call: Call) -> None:
        self._panel.sweep = choice(call.argument(), "AUTO", "NORMal")

    def _digitize(self, call: Call) -> None:
        self.scope.single()
        self._interpreter.block()

    def _data(self) -> dict[str, Handler]:
        return {
            ":WAVeform:SOURce": self._set_source,
            ":WAVeform:SOURce?": lambda call: f"CHAN{self._source + 1}",
            ":WAVeform:FORMat": self._set_format,
            ":WAVeform:FORMat?": lambda call: "WORD" if self._word else "BYTE",
            ":WAVeform:POINts": self._set_points,
            ":WAVeform:POINts?": lambda call: f"{self._n_points():+d}",
            ":WAVeform:POINts:MODE": self._set_points_mode,
            ":WAVeform:POINts:MODE?": lambda call: self._points_mode,
            ":WAVeform:UNSigned": self._set_unsigned,
            ":WAVeform:UNSigned?": lambda call: f"{self._unsigned:d}",
            ":WAVeform:BYTeorder": self._set_byte_order,
            ":WAVeform:BYTeorder?": lambda call: "LSBF" if self._lsb_first else "MSBF",
            ":WAVeform:PREamble?": self._preamble,
            ":WAVeform:DATA?": self._waveform_data,
            ":WAVeform:SEGMented:TTAG?": self._time_tag,
        }

    def _set_source(self, call: Call) -> None:
        names = [f"CHANnel{k + 1}" for k in range(N_CHANNELS)]
        self._source = int(choice(call.argument(), *names)[-1]) - 1

    def _set_format(self, call: Call) -> None:
        self._word = choice(call.argument(), "BYTE", "WORD") == "WORD"

    def _set_points(self, call: Call) -> None:
        text = call.argument().upper()
        most = self.scope.settings.memory
        wanted = most if text in {"MAX", "MAXIMUM"} else number(text)
        self._panel.points = round(within(wanted, 1, most))

    def _set_points_mode(self, call: Call) -> None:
        self._points_mode = choice(call.argument(), "NORMal", "MAXimum", "RAW")

    def _set_unsigned(self, call: Call) -> None:
        self._unsigned = boolean(call.argument())

    def _set_byte_order(self, call: Call) -> None:
        self._lsb_first = choice(call.argument(), "MSBFirst", "LSBFirst") == "LSBF"

    def _n_points(self) -> int:
        record = self.scope.record
        return record.n if record is not None else self.scope.n_points

    def _record(self) -> Record:
        record = self.scope.record
        if record is None or not record.channels[self._source].display:
            raise ScpiError(-230, "Data corrupt or stale")
        return record

    def _preamble(self, call: Call) -> Reply:
        record = self._record()
        coding = self._coding(record)
        period_s = record.period_ns / NS
        origin_s = self._panel.position_s - 0.5 * record.n * period_s
        fields = [f"{int(self._word):+d}", "+0", f"{record.n:+d}", "+1"]
        fields += [nr3(period_s), nr3(origin_s), "+0"]
        fields += [nr3(coding.increment), nr3(coding.origin), f"{coding.reference:+.0f}"]
        return ",".join(fields)

    def _coding(self, record: Record) -> Coding:
        channel, bits = record.channels[self._source], self.scope.settings.bits
        return coding_of(channel, bits, word=self._word, unsigned=self._unsigned)

    def _waveform_data(self, call: Call) -> Reply:
        record = self._record()
        codes = self.scope.codes(record, self._source, self._coding(record))
        ordered = codes.dtype.newbyteorder("<" if self._lsb_first else ">")
        return block(codes.astype(ordered, copy=False).tobytes())

    def _time_tag(self, call: Call) -> Reply:
        record = self.scope.record
        tag = None if record is None else self.scope.clock_s(record)
        if tag is None:
            raise undefined_header()
        return tag


def coding_of(
    channel: ChannelState, bits: int, *, word: bool = True, unsigned: bool = True
) -> Coding:
    """Return what the codes of a converter of ``bits`` mean, its 10 divisions on the screen."""
    width = 16 if word else 8
    middle = 1 << (width - 1) if unsigned else 0
    half = _HALF_SCREEN << (width - 8)
    # In a byte the outermost levels are the clipping marks; a word has room beside them.
    mark = (1 << (width - 1)) - 1
    return Coding(
        dtype=f"{'u' if unsigned else 'i'}{width // 8}",
        increment=channel.range / (2 * half),
        origin=channel.offset,
        reference=middle,
        step=step_of(bits, width),
        low=middle - half,
        high=middle + half,
        below=middle - mark,
        above=middle + mark,
    )
