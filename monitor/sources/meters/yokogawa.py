"""Yokogawa WT power analysers: a table of items over the generic meter.

Commands and formats: IM WT310E-17EN, chapter 5, and IM WT3001E-17EN, 6-97 (numeric data format):
what does not exist is ``NAN`` or 0x7E951BEE (9.91E+37), overrange ``INF`` or 0x7E94F56A (9.9E+37).
"""

from __future__ import annotations

from monitor.config import MeterSettings, QuerySettings
from monitor.errors import ConfigError
from monitor.sources.meters.poll import Plan

_ITEMS = (  # function, name, unit
    ("P", "power", "W"),
    ("U", "voltage", "V"),
    ("I", "current", "A"),
    ("S", "apparent power", "VA"),
    ("Q", "reactive power", "var"),
    ("LAMBda", "power factor", ""),
    ("FU", "frequency", "Hz"),
)
_RATES_S = (
    ("5S", 5.0),
    ("2S", 2.0),
    ("1S", 1.0),
    ("500MS", 0.5),
    ("250MS", 0.25),
    ("100MS", 0.1),
)
_VALUES = ":NUMeric:NORMal:VALue?"


def plan_of(settings: MeterSettings) -> Plan:
    """Return what a WT is told and asked to give all items of one element.

    Its data update rate is set to the longest that is not above ``interval_s``, so that each
    reading is the mean of nearly all the time since the one before.

    Raises
    ------
    ConfigError
        If there is no such element, or queries are given, which this kind has by itself.
    """
    if settings.queries or settings.setup:
        raise ConfigError(
            f"meter {settings.address!r}: kind yokogawa-wt asks by itself; remove queries and"
            ' setup, or use kind = "scpi"'
        )
    if not 1 <= settings.element <= 7:
        raise ConfigError(
            f"meter {settings.address!r}: element must be 1 to 7, got {settings.element}"
        )
    rate, window_s = next((r for r in _RATES_S if r[1] <= settings.interval_s), _RATES_S[-1])
    is_binary = settings.format == "float"
    return Plan(
        setup=(
            ":COMMunicate:REMote ON",
            ":COMMunicate:HEADer OFF",
            f":RATE {rate}",
            f":NUMeric:FORMat {'FLOat' if is_binary else 'ASCii'}",
            f":NUMeric:NORMal:NUMber {len(_ITEMS)}",
            *(
                f":NUMeric:NORMal:ITEM{number} {function},{settings.element}"
                for number, (function, _, _) in enumerate(_ITEMS, start=1)
            ),
        ),
        queries=tuple(
            QuerySettings(name=name, query=_VALUES, unit=unit, field=field)
            for field, (_, name, unit) in enumerate(_ITEMS)
        ),
        release=(":COMMunicate:REMote OFF",),
        is_binary=is_binary,
        window_s=settings.window_s or window_s,
        settle_s=window_s,
    )
