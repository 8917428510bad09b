"""Which source the settings of an instrument mean."""

from __future__ import annotations

from monitor.config import InstrumentSettings
from monitor.sources import plugins
from monitor.sources.clock import Clock
from monitor.sources.scope import ScopeSource
from monitor.sources.source import Source


def make_source(settings: InstrumentSettings, clock: Clock) -> Source:
    """Return a scope, or what an installed package makes of the settings.

    Raises
    ------
    ConfigError, InstrumentError
        As ``plugins.make_source``.
    """
    if settings.kind != "scope":
        return plugins.make_source(settings, clock)
    return ScopeSource(settings, clock)
