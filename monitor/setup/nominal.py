"""Which voltages supplies have, and whether one that was measured is among them."""

from __future__ import annotations

from monitor.model import Quantity
from monitor.setup.levels import Level, Levels, RailLevel

DANGEROUS_V = 60.0
"""What is higher is mains, or should be treated like it."""
_MAINS_V = ((120.0, 88.0, 135.0), (230.0, 195.0, 265.0))  # nominal, and with its tolerance
_DC_V = ((12.0, 10.2, 13.8), (24.0, 20.4, 27.6), (48.0, 40.8, 57.0))
_NEAR = 0.15  # relative: how far a supply may be from its stated voltage


def nominal_v(level_v: float, rail: RailLevel, expected_v: float | None) -> float | None:
    """Return the nominal voltage of a supply that may have such a level; None if none may.

    Parameters
    ----------
    expected_v
        What somebody says that it has; None goes by the usual ones.
    """
    if expected_v is not None:
        return expected_v if abs(level_v / expected_v - 1.0) <= _NEAR else None
    usual = _DC_V if rail.line_hz is None else _MAINS_V
    return next((nominal for nominal, low, high in usual if low <= level_v <= high), None)


def dc_or_rms(level: Level, rail: RailLevel) -> float:
    """Return what the level of a signal is compared by: its mean, or on mains its RMS."""
    return level.rms if rail.line_hz is not None else abs(level.mean)


def is_usual(levels: Levels, expected_v: float | None) -> bool:
    """Return whether every voltage of a record is one that a supply has."""
    pairs = ((levels.of(rail.rail, Quantity.VOLTAGE), rail) for rail in levels.rails)
    return all(
        level is not None and nominal_v(dc_or_rms(level, rail), rail, expected_v) is not None
        for level, rail in pairs
    )
