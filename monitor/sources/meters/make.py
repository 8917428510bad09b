"""From settings to a meter, or to the source that a meter alone is."""

from __future__ import annotations

from monitor.config import MeterSettings
from monitor.sources.clock import Clock
from monitor.sources.meter_feed import Meter
from monitor.sources.meters import poll, yokogawa
from monitor.sources.meters.plug import PlugMeter
from monitor.sources.meters.pmd_meter import PmdMeter
from monitor.sources.meters.scpi import ScpiMeter
from monitor.sources.meters.source import MeterSource


def make_meter(settings: MeterSettings, clock: Clock) -> Meter:
    """Return the meter of the settings, not opened yet.

    Raises
    ------
    ConfigError
        If they do not fit its kind.
    """
    match settings.kind:
        case "scpi":
            return ScpiMeter(settings, poll.plan_of(settings), clock)
        case "yokogawa-wt":
            return ScpiMeter(settings, yokogawa.plan_of(settings), clock)
        case "elmorlabs-pmd":
            return PmdMeter(settings, clock)
        case "plug":
            return PlugMeter(settings, clock)


def make_source(settings: MeterSettings, clock: Clock) -> MeterSource:
    """Return a source that measures from a meter, because a meter is all there is."""
    return MeterSource(make_meter(settings, clock), clock, tells_changes=settings.kind == "plug")
