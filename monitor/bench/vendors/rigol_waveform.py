"""How a Rigol oscilloscope hands its records out: ``:WAVeform``, page by page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    within,
)
from monitor.model import NS

_PAGE_BYTES = 250_000
_EMPTY = block(b"", 9)


@dataclass(frozen=True, slots=True)
class Model:
    """What is different between two scopes of the family."""

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


DHO = Model(
    identity="RIGOL TECHNOLOGIES,DHO1074,BENCH0001,00.02.10",
    divisions=10,
    depths=(1_000, 10_000, 100_000, 1_000_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000),
    is_shared=False,
    code_bits=16,
    tells_depth=False,
    reference=128,
)
DS1000Z = Model(
    identity="RIGOL TECHNOLOGIES,DS1104Z,BENCH0001,00.04.04.SP4",
    divisions=12,
    depths=(12_000, 120_000, 1_200_000, 12_000_000, 24_000_000),
    is_shared=True,
    code_bits=8,
    tells_depth=True,
    reference=127,
)


class Transfer:
    """What of a scope's records is asked for, and the commands that hand it out."""

    def __init__(self, scope: Scope, model: Model) -> None:
        self._scope = scope
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Forget what was asked for."""
        self.is_armed = False
        """Whether the scope waits for an edge."""
        self._source = 0
        self._mode = "NORM"
        self._word = False
        self._start = 1
        self._stop = self._model.screen_points

    def handlers(self) -> dict[str, Handler]:
        """Return the commands."""
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
        self._start, self._stop = 1, self.n_points if self._is_raw else self._model.screen_points

    @property
    def n_points(self) -> int:
        """Return the samples of the newest record, or of the next if there is none."""
        record = self._scope.record
        return self._scope.n_points if record is None else record.n

    @property
    def _is_raw(self) -> bool:
        """Return whether the memory is read, not the screen."""
        return self._mode == "RAW" or (self._mode == "MAX" and not self._scope.running)

    def _set_format(self, call: Call) -> None:
        self._word = choice(call.argument(), "BYTE", "WORD") == "WORD"

    def _set_start(self, call: Call) -> None:
        self._start = round(within(number(call.argument()), 1, 1e9))

    def _set_stop(self, call: Call) -> None:
        self._stop = round(within(number(call.argument()), 1, 1e9))

    def _shown(self) -> Record:
        record = self._scope.record
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
        fields += [nr3(period_s), nr3(-0.5 * n_points * period_s), "0"]
        fields += [nr3(coding.increment), f"{-coding.origin / coding.increment:.0f}"]
        return ",".join([*fields, f"{coding.reference:.0f}"])

    def _coding(self, record: Record) -> Coding:
        width = self._model.code_bits if self._word else 8
        reference = self._model.reference << (width - 8)
        channel = record.channels[self._source]
        return coding_of(channel, self._scope.settings.bits, width, reference)

    def _waveform_data(self, call: Call) -> Reply:
        record = self._shown()
        width = 1 + self._word
        count = self._stop - self._start + 1
        is_readable = not self._is_raw or not (self._scope.running or self.is_armed)
        if not is_readable or not 1 <= count * width <= _PAGE_BYTES:
            return _EMPTY
        codes = self._scope.codes(record, self._source, self._coding(record))
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


def nr3(value: float) -> str:
    """Return a real number as a Rigol prints it."""
    return f"{value:.6E}"
