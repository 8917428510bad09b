"""How a Tektronix oscilloscope hands its records out: ``DATa``, ``WFMOutpre``, ``CURVe?``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Literal

from monitor.bench.scope.adc import Coding, step_of
from monitor.bench.scope.panel import DIVISIONS, N_CHANNELS, ChannelState, Record
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.interpreter import Sleep
from monitor.bench.vendors.scpi import (
    Call,
    Handler,
    Reply,
    ScpiError,
    block,
    choice,
    number,
    setting,
    within,
)
from monitor.model import NS

_LEVELS = 25  # byte codes a division
_ORDERS = {">": "MSB", "<": "LSB"}
_SIGNS = {"i": "RI", "u": "RP"}
_ENCODINGS: Mapping[str, tuple[str, Literal["<", ">"]]] = {
    "RIB": ("i", ">"),
    "RPB": ("u", ">"),
    "SRI": ("i", "<"),
    "SRP": ("u", "<"),
    "FAS": ("i", ">"),
}
UNITS = {"VOLT": '"V"', "AMP": '"A"'}
"""From the panel's word to what is replied."""


class Transfer:
    """What of a scope's records is asked for, and the commands that hand it out."""

    def __init__(self, scope: Scope, sleep: Sleep) -> None:
        self._scope = scope
        self._sleep = sleep
        self.reset()

    def reset(self) -> None:
        """Forget what was asked for."""
        self._sources = [0]
        self._sign, self._order = _ENCODINGS["RIB"]
        self._width = 1
        self._start, self._stop = 1, 10_000

    def handlers(self) -> dict[str, Handler]:
        """Return the commands."""
        return {
            **setting(":DATa:SOUrce", self._set_sources, self._named),
            ":DATa:ENCdg": self._set_encoding,
            **setting(":DATa:WIDth", self._set_width, lambda call: f"{self._width}"),
            **setting(":DATa:STARt", self._set_start, lambda call: f"{self._start}"),
            **setting(":DATa:STOP", self._set_stop, lambda call: f"{self._stop}"),
            ":WFMOutpre:BYT_Nr?": lambda call: f"{self._width}",
            ":WFMOutpre:BIT_Nr?": lambda call: f"{8 * self._width}",
            ":WFMOutpre:BN_Fmt?": lambda call: _SIGNS[self._sign],
            ":WFMOutpre:BYT_Or?": lambda call: _ORDERS[self._order],
            ":WFMOutpre:NR_Pt?": lambda call: f"{len(self._part(self._record()))}",
            ":WFMOutpre:XINcr?": lambda call: nr3(self._record().period_ns / NS),
            ":WFMOutpre:YMUlt?": lambda call: nr3(self._coding().increment),
            ":WFMOutpre:YOFf?": lambda call: nr3(self._coding().reference),
            ":WFMOutpre:YZEro?": lambda call: nr3(self._coding().origin),
            ":WFMOutpre:YUNit?": self._unit,
            ":CURVe?": lambda call: self._curve(self._record(), self._sources[0]),
        }

    def _set_sources(self, call: Call) -> None:
        names = [f"CH{k + 1}" for k in range(N_CHANNELS)]
        call.argument()
        self._sources = [int(choice(text, *names)[-1]) - 1 for text in call.arguments]

    def _named(self, call: Call) -> Reply:
        return ",".join(f"CH{source + 1}" for source in self._sources)

    def _set_encoding(self, call: Call) -> None:
        words = ("RIBinary", "RPBinary", "SRIbinary", "SRPbinary", "FAStest")
        self._sign, self._order = _ENCODINGS[choice(call.argument(), *words)]

    def _set_width(self, call: Call) -> None:
        self._width = round(within(number(call.argument()), 1, 2))

    def _set_start(self, call: Call) -> None:
        self._start = round(within(number(call.argument()), 1, 1e10))

    def _set_stop(self, call: Call) -> None:
        self._stop = round(within(number(call.argument()), 1, 1e10))

    def _part(self, record: Record) -> range:
        """Return which samples of a record are asked for; one that is shorter ends earlier."""
        return range(self._start - 1, min(self._stop, record.n))

    def _record(self) -> Record:
        record = self._scope.record
        if record is None or not record.channels[self._sources[0]].display:
            raise ScpiError(-2244, "Waveform requested is not activated")
        return record

    def _unit(self, call: Call) -> Reply:
        channel = self._scope.panel.channels[self._sources[0]]
        if not channel.display:
            raise ScpiError(-2244, "Waveform requested is not activated")
        return UNITS[channel.units]

    def _coding(self) -> Coding:
        return self._coding_of(self._record(), self._sources[0])

    def _coding_of(self, record: Record, source: int) -> Coding:
        bits = self._scope.settings.bits
        return coding_of(record.channels[source], bits, 8 * self._width, self._sign)

    def _curve(self, record: Record, source: int) -> bytes:
        codes = self._scope.codes(record, source, self._coding_of(record, source))
        part = self._part(record)
        ordered = codes.dtype.newbyteorder(self._order)
        return block(codes[part.start : part.stop].astype(ordered).tobytes(), 1)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the sources of each record as soon as it is done; the newest, if there are more."""
        last = self._scope.record
        while True:
            record = self._scope.record
            if record is None or record is last:
                await self._sleep(max(self._scope.wait_s(), 1e-3))
                continue
            last = record
            yield b";".join(self._curve(record, source) for source in self._sources)


def coding_of(channel: ChannelState, bits: int, width: int, sign: str) -> Coding:
    """Return what codes of ``width`` bits mean: 25 byte codes a division, 0 at the position."""
    levels = _LEVELS << (width - 8)
    middle = 0 if sign == "i" else 1 << (width - 1)
    step = step_of(bits, width)
    low, high = middle - (1 << (width - 1)), middle + (1 << (width - 1)) - 1
    return Coding(
        dtype=f"{sign}{width // 8}",
        increment=channel.range / DIVISIONS / levels,
        origin=channel.offset,
        reference=middle + channel.position_div * levels,
        step=step,
        low=low,
        high=high,
        below=low,
        above=high // step * step,
    )


def nr3(value: float) -> str:
    """Return a real number as a Tektronix prints it."""
    return f"{value:.9E}"
