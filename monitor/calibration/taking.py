"""A few seconds of an instrument, as its probes' nominal ratios show them."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.config import InstrumentSettings
from monitor.dsp.scale import fold, to_units
from monitor.errors import ConfigError, InstrumentError
from monitor.model import NS, Block, Calibration, Channel, Marker
from monitor.sources.choice import make_source
from monitor.sources.clock import Clock

_SLOWEST = 20.0  # times as long as asked for; an instrument with more dead time is of no use here


@dataclass(frozen=True, slots=True)
class Taken:
    """What was captured."""

    channels: tuple[Channel, ...]
    """In the order of the inputs."""
    sample_rate_hz: float
    records: tuple[NDArray[np.float32], ...]
    """Each of shape (n_channels, n_samples), in the channels' nominal units, without a gap."""
    steps: tuple[float, ...]
    """One code of each channel, in its nominal unit."""
    full_scales: tuple[float, ...]
    """All codes of each channel, in its nominal unit."""
    n_clipped: tuple[int, ...]
    span_s: float
    """From the first sample to the last, dead time included."""
    bytes_per_s: float
    """Of codes, dead time included."""

    @property
    def coverage(self) -> float:
        """Return the captured share of the span, 0 to 1."""
        return self.seconds / self.span_s

    @property
    def seconds(self) -> float:
        """Return how much was captured."""
        return float(sum(record.shape[1] for record in self.records) / self.sample_rate_hz)


async def take(
    settings: InstrumentSettings,
    seconds: float,
    clock: Clock,
    progress: Callable[[float], None] = lambda _: None,
    *,
    enough_s: float = math.inf,
) -> Taken:
    """Capture for so long, without any calibration.

    Parameters
    ----------
    progress
        Told the share that is done, 0 to 1.
    enough_s
        After so many seconds what there is will do, if there is anything.

    Raises
    ------
    ConfigError
        If the instrument has not one channel for each input of the settings.
    InstrumentError
        If it cannot be used, goes away meanwhile, or delivers next to nothing.
    """
    plain = msgspec.structs.replace(
        settings,
        inputs=tuple(
            msgspec.structs.replace(item, calibration=Calibration()) for item in settings.inputs
        ),
    )
    blocks: list[Block] = []
    async with make_source(plain, clock) as source:
        info = source.info
        if len(info.channels) != len(settings.inputs):
            raise ConfigError(
                f"the instrument has {len(info.channels)} channels, the settings"
                f" {len(settings.inputs)} inputs; name each of them, in the same order"
            )
        wanted, n_samples = seconds * info.sample_rate_hz, 0
        enough_ns = clock.now_ns() + enough_s * NS
        try:
            async with (
                asyncio.timeout(_SLOWEST * seconds + settings.timeout_s),
                contextlib.aclosing(source.items()) as items,  # type: ignore[type-var]
            ):
                async for item in items:
                    if isinstance(item, Block):
                        blocks.append(item)
                        n_samples += item.n_samples
                        progress(min(1.0, n_samples / wanted))
                    elif isinstance(item, Marker) and item.attrs.get("kind") == "lost":
                        raise InstrumentError(str(item.attrs.get("text")))
                    if n_samples >= wanted or (n_samples and clock.now_ns() >= enough_ns):
                        break
        except TimeoutError as error:
            raise InstrumentError(
                f"only {n_samples / info.sample_rate_hz:.3g} s were captured in"
                f" {_SLOWEST * seconds:.3g} s; let the instrument take longer records"
            ) from error
    if not blocks:
        raise InstrumentError("the instrument delivered nothing; does it trigger?")
    return _taken(blocks, info.channels, info.sample_rate_hz)


def _taken(blocks: list[Block], channels: tuple[Channel, ...], rate_hz: float) -> Taken:
    codes = np.iinfo(blocks[0].codes.dtype)
    span_s = (blocks[-1].stop - blocks[0].start) / rate_hz
    steps = tuple(
        abs(fold(channel, scale).gain)
        for channel, scale in zip(channels, blocks[0].scales, strict=True)
    )
    return Taken(
        channels=channels,
        sample_rate_hz=rate_hz,
        records=tuple(to_units(block.codes, channels, block.scales) for block in blocks),
        steps=steps,
        full_scales=tuple(step * (int(codes.max) - int(codes.min)) for step in steps),
        span_s=span_s,
        bytes_per_s=sum(block.codes.nbytes for block in blocks) / span_s,
        n_clipped=tuple(np.sum([block.clipped for block in blocks], axis=0).tolist()),
    )
