"""Analog channels of any device that sigrok knows, through its command ``sigrok-cli``."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import numpy as np

from monitor.config import InstrumentSettings
from monitor.errors import ConfigError, ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import Block, Scale, StreamInfo
from monitor.sources.clock import Clock

UNITS_PER_CODE = 1e-6
"""sigrok gives 32-bit floats; what is kept is integers, of a millionth each."""
_HEADER = 46  # bytes of a WAV file of floats before its first sample
_FLOAT, _WAVE_FLOAT = 4, 3
_FULL_CODE = np.iinfo(np.int32).max
_BLOCK_S = 0.1


class SigrokSource:
    """What ``kind = "sigrok"`` in the settings makes.

    ``options.driver`` is what ``sigrok-cli -d`` takes, ``options.channels`` the names of the
    channels, one per input and in the order of the inputs, separated by commas.

    Parameters
    ----------
    settings
        The ``[instrument]`` of the settings.
    clock
        Tells UTC.
    """

    def __init__(self, settings: InstrumentSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._driver = str(settings.options.get("driver", "demo"))
        self._channels = str(settings.options.get("channels", "")).split(",")
        self._process: Process | None = None
        self._info: StreamInfo | None = None
        if len(self._channels) != len(settings.inputs) or not all(self._channels):
            raise ConfigError(
                f"options.channels must name {len(settings.inputs)} channels of sigrok, one for"
                f" each input, got {','.join(self._channels)!r}; `sigrok-cli -d {self._driver}"
                " --show` lists them"
            )
        if settings.sample_rate_hz is None:
            raise ConfigError("sigrok needs instrument.sample_rate_hz")

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block."""
        if self._info is None:
            raise RuntimeError("SigrokSource is used outside its `async with`")
        return self._info

    async def __aenter__(self) -> Self:
        rate_hz = round(self._settings.sample_rate_hz or 0)
        command = ["-d", self._driver, "-c", f"samplerate={rate_hz}", "--continuous"]
        command += ["-C", ",".join(self._channels), "-O", "wav", "-o", "/dev/stdout"]
        try:
            # Its standard input stays open: sigrok-cli ends when that does.
            self._process = await asyncio.create_subprocess_exec(
                "sigrok-cli", *command, stdin=PIPE, stdout=PIPE, stderr=PIPE
            )
        except FileNotFoundError as error:
            raise InstrumentError(
                "sigrok-cli is not installed; on Debian: apt-get install sigrok-cli"
            ) from error
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                self._check(await self._read(_HEADER), rate_hz)
        except TimeoutError as error:
            await self._end()
            raise ConnectionLostError(
                f"sigrok-cli gave nothing in {self._settings.timeout_s:g} s; does"
                f" `sigrok-cli {' '.join(command)}` run?"
            ) from error
        except BaseException:
            await self._end()
            raise
        self._info = StreamInfo(
            channels=tuple(item.channel() for item in self._settings.inputs),
            sample_rate_hz=float(rate_hz),
            t0_ns=self._clock.now_ns() - round(_BLOCK_S * 1e9),
            t0_uncertainty_ns=round(_BLOCK_S * 1e9),  # it tells not when it began
            dtype="int32",
            continuous=True,
            supply=self._settings.supply,
            instrument={"identity": f"sigrok {self._driver}", "channels": ",".join(self._channels)},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._info = None
        await self._end()

    async def items(self) -> AsyncGenerator[Block, None]:
        """Yield blocks for as long as sigrok-cli runs."""
        info, start = self.info, 0
        n, n_channels = max(1, round(_BLOCK_S * info.sample_rate_hz)), len(info.channels)
        while True:
            data = await self._read(n * n_channels * _FLOAT)
            values = np.frombuffer(data, "<f4").reshape(n, n_channels).T.astype(np.float64)
            # Beyond what 32 bits hold, and what is no number, is as good as clipped.
            wide = np.round(np.nan_to_num(values / UNITS_PER_CODE, nan=_FULL_CODE))
            clipped = np.abs(wide) >= _FULL_CODE
            codes = np.clip(wide, -_FULL_CODE, _FULL_CODE).astype(np.int32)
            yield Block(
                start=start,
                codes=codes,
                scales=(Scale(UNITS_PER_CODE, 0.0),) * n_channels,
                clipped=tuple(int(count) for count in clipped.sum(axis=1)),
                host_ns=info.time_ns(start),
                host_uncertainty_ns=info.t0_uncertainty_ns,
            )
            start += n

    def _check(self, header: bytes, rate_hz: int) -> None:
        """Raise ProtocolError unless these are floats of all channels at the rate asked for."""
        form = int.from_bytes(header[20:22], "little")
        n_channels = int.from_bytes(header[22:24], "little")
        is_hz = int.from_bytes(header[24:28], "little")
        if header[:4] != b"RIFF" or form != _WAVE_FLOAT or n_channels != len(self._channels):
            raise ProtocolError(
                f"sigrok-cli: expected a WAV file of {len(self._channels)} channels of floats, got"
                f" {header[:4]!r}, format {form}, {n_channels} channels"
            )
        if is_hz != rate_hz:
            raise InstrumentError(
                f"sigrok {self._driver} samples at {is_hz} Hz, not at {rate_hz} Hz; ask for a rate"
                f" that `sigrok-cli -d {self._driver} --show` lists"
            )

    async def _read(self, n_bytes: int) -> bytes:
        process = self._process
        if process is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("SigrokSource is used outside its `async with`")
        try:
            return await process.stdout.readexactly(n_bytes)
        except asyncio.IncompleteReadError as error:
            said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
            raise ConnectionLostError(
                f"sigrok-cli ended: {said[-1] if said else 'it said nothing'}; is the device"
                " connected, and does nobody else use it?"
            ) from error

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
