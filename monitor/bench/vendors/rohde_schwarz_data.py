"""How a Rohde & Schwarz oscilloscope hands its records out: ``CHANnel<m>:DATA``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.bench.scope.adc import Coding, step_of
from monitor.bench.scope.panel import DIVISIONS, N_CHANNELS, ChannelState, Record
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.scpi import (
    Call,
    Handler,
    Reply,
    ScpiError,
    block,
    choice,
    number,
    setting,
    undefined_header,
)
from monitor.model import NS

_SCREEN_POINTS = 1200  # samples that are shown of a record
_CODES = 25 << 8  # a division, in words
_MIDDLE = 127.5 * 256  # code of the middle of the screen
_LENGTHS = {"ASC": (0,), "REAL": (32,), "UINT": (8, 16)}


class Transfer:
    """In which form records are asked for, and the commands that hand them out."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.reset()

    def reset(self) -> None:
        """Forget what was asked for."""
        self._format = ("ASC", 0)
        self._lsb_first = False
        self._points = "DEF"

    def handlers(self) -> dict[str, Handler]:
        """Return the commands."""
        return {
            **setting(":FORMat[:DATA]", self._set_format, self._told_format),
            **setting(
                ":FORMat:BORDer",
                self._set_byte_order,
                lambda call: "LSBF" if self._lsb_first else "MSBF",
            ),
            **setting(":CHANnel<n>:DATA:POINts", self._set_points, self._n_points),
            ":CHANnel<n>:DATA:HEADer?": self._header,
            ":CHANnel<n>:DATA:XINCrement?": lambda call: single(self._step(call) / NS),
            ":CHANnel<n>:DATA:XORigin?": lambda call: single(self._begin_s(call)),
            ":CHANnel<n>:DATA:YINCrement?": self._y_increment,
            ":CHANnel<n>:DATA:YORigin?": lambda call: single(self._coding(call).origin),
            ":CHANnel<n>:DATA:YRESolution?": lambda call: f"{self._scope.settings.bits}",
            ":CHANnel<n>:DATA?": self._data,
        }

    def _set_format(self, call: Call) -> None:
        name = choice(call.argument(), "ASCii", "REAL", "UINTeger")
        lengths = _LENGTHS[name]
        length = int(number(call.argument(1))) if len(call.arguments) > 1 else lengths[0]
        if length not in lengths:
            raise ScpiError(-224, "Illegal parameter value")
        self._format = (name, length)

    def _told_format(self, call: Call) -> Reply:
        return f"{self._format[0]},{self._format[1]}"

    def _set_byte_order(self, call: Call) -> None:
        self._lsb_first = choice(call.argument(), "MSBFirst", "LSBFirst") == "LSBF"

    def _set_points(self, call: Call) -> None:
        word = choice(call.argument(), "DEFault", "MAXimum", "DMAXimum")
        if not self._scope.running:  # else it stays what it was, without a word
            self._points = word

    def _record(self, call: Call) -> tuple[Record, int]:
        """Return the newest record, and every how many of its samples are given."""
        record = self._scope.record
        which = call.suffixes[0]
        if not 1 <= which <= N_CHANNELS:
            raise undefined_header()
        if record is None or not record.channels[which - 1].display:
            raise ScpiError(-230, "Data corrupt or stale")
        is_screen = self._points == "DEF" or self._scope.running
        return record, max(1, record.n // _SCREEN_POINTS) if is_screen else 1

    def _step(self, call: Call) -> int:
        record, every = self._record(call)
        return record.period_ns * every

    def _n(self, call: Call) -> int:
        record, every = self._record(call)
        return -(-record.n // every)

    def _n_points(self, call: Call) -> Reply:
        return f"{self._n(call)}"

    def _begin_s(self, call: Call) -> float:
        return -0.5 * self._n(call) * self._step(call) / NS

    def _header(self, call: Call) -> Reply:
        n, begin_s = self._n(call), self._begin_s(call)
        end_s = begin_s + (n - 1) * self._step(call) / NS
        return f"{begin_s:.4E},{end_s:.4E},{n},1"

    def _coding(self, call: Call) -> Coding:
        record, _ = self._record(call)
        return coding_of(record.channels[call.suffixes[0] - 1], self._scope.settings.bits)

    def _y_increment(self, call: Call) -> Reply:
        of_word = self._coding(call).increment
        return single(256 * of_word if self._format == ("UINT", 8) else of_word)

    def _data(self, call: Call) -> Reply:
        record, every = self._record(call)
        coding = self._coding(call)
        codes = self._scope.codes(record, call.suffixes[0] - 1, coding)[::every]
        if self._format[0] == "ASC":
            return ",".join(f"{value:.6f}" for value in coding.decode(codes))
        data = self._packed(codes, coding)
        return block(data, len(str(len(data))))

    def _packed(self, codes: NDArray[np.integer], coding: Coding) -> bytes:
        order = "<" if self._lsb_first else ">"
        if self._format[0] == "REAL":
            return coding.decode(codes).astype(f"{order}f4").tobytes()
        if self._format[1] == 8:
            return (codes >> 8).astype("u1").tobytes()  # the lower bits are cut off, not rounded
        return codes.astype(f"{order}u2").tobytes()


def coding_of(channel: ChannelState, bits: int) -> Coding:
    """Return what the words of a converter of ``bits`` mean: ``origin + increment * code``."""
    increment = channel.range / DIVISIONS / _CODES
    step = step_of(bits, 16)
    return Coding(
        dtype="u2",
        increment=increment,
        origin=channel.middle - _MIDDLE * increment,
        reference=0.0,
        step=step,
        low=0,
        high=(1 << 16) - step,
        below=0,
        above=(1 << 16) - step,
    )


def single(value: float) -> str:
    """Return a number as it stands in a 32-bit float, with ten digits: ``-2.549999943E-2``."""
    mantissa, _, exponent = f"{float(np.float32(value)):.9E}".partition("E")
    return f"{mantissa}E{int(exponent)}"
