"""Which voltages supplies have, and whether one that was measured is among them."""

from __future__ import annotations

from monitor.model import Quantity
from monitor.setup.levels import Level, Levels, RailLevel

DANGEROUS_V = 60.0
"""What is higher is mains, or should be treated like it."""
_MAINS_V = ((120.0, 88.0, 135.0), (230.0, 195.0, 265.0))  # nominal, and with its tolerance
_DC_V = ((12.0, 10.2, 13.8), (24.0, 20.4, 27.6), (48.0, 40.8, 57.0))
_OTHER_V = ((3.1, 3.5), (4.5, 5.5), (18.0, 21.0))
"""Of DC supplies that are not rare, but a wrong factor of others may make as well."""
_NEAR = 0.15  # relative: how far a supply may be from its stated voltage


def supply_v(level_v: float, rail: RailLevel, nominal_v: float | None) -> float | None:
    """Return the nominal voltage of a supply that may have such a level; None if none may.

    Parameters
    ----------
    nominal_v
        What somebody says that it has; None goes by the usual ones.
    """
    if nominal_v is not None:
        return nominal_v if abs(level_v / nominal_v - 1.0) <= _NEAR else None
    usual = _DC_V if rail.line_hz is None else _MAINS_V
    return next((nominal for nominal, low, high in usual if low <= level_v <= high), None)


def is_plausible(level_v: float, rail: RailLevel, nominal_v: float | None) -> bool:
    """Return whether some supply has such a level, so that no factor need be wrong."""
    is_other = nominal_v is None and rail.line_hz is None
    return supply_v(level_v, rail, nominal_v) is not None or (
        is_other and any(low <= level_v <= high for low, high in _OTHER_V)
    )


def dc_or_rms(level: Level, rail: RailLevel) -> float:
    """Return what the level of a signal is compared by: its mean, or on mains its RMS."""
    return level.rms if rail.line_hz is not None else abs(level.mean)


def is_usual(levels: Levels, nominal_v: float | None) -> bool:
    """Return whether every voltage of a record is one that a supply has."""
    pairs = ((levels.of(rail.rail, Quantity.VOLTAGE), rail) for rail in levels.rails)
    return all(
        level is not None and supply_v(dc_or_rms(level, rail), rail, nominal_v) is not None
        for level, rail in pairs
    )
