"""The meters of a profile: whether each gives a number."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from monitor.config import MeterSettings
from monitor.doctor.report import Line, failed
from monitor.errors import InstrumentError, WattstageError
from monitor.masking import masked
from monitor.model import Reading
from monitor.sources.clock import SystemClock
from monitor.sources.meters.make import make_meter
from monitor.units import si


def examine(settings: tuple[MeterSettings, ...]) -> Iterator[Line]:
    """Yield a line for each meter; blocking."""
    for each in settings:
        try:
            reading = asyncio.run(_first(each))
        except WattstageError as error:
            yield failed("meter", error)
            continue
        channel = reading.channel
        yield Line(
            id="meter",
            level="ok",
            what=f"{channel.source}: {channel.name} is {si(reading.value, channel.unit)}"
            f" (a reading every {si(channel.interval_s, 's')})",
            value=reading.value,
            unit=channel.unit,
        )


async def _first(settings: MeterSettings) -> Reading:
    limit_s = 3 * settings.interval_s + settings.timeout_s
    try:
        async with (
            asyncio.timeout(limit_s),
            make_meter(settings, SystemClock()) as meter,
            contextlib.aclosing(meter.readings()) as items,  # type: ignore[type-var]
        ):
            async for item in items:
                if isinstance(item, Reading):
                    return item
    except TimeoutError:
        pass
    raise InstrumentError(
        f"meter {masked(settings.address)} gave no number in {limit_s:.3g} s; check its cable and"
        " address, and whether it shows a value itself"
    )
