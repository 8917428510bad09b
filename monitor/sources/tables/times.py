"""The times of a log: seconds, UTC counted in any unit, or dates as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from monitor.errors import ConfigError

_EPOCHS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (1e9, 1.0))
"""From which number on it counts since 1970 in ns, µs, ms or s: 2001, and not before."""
_FORMATS = (
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%m-%d-%Y %H:%M:%S.%f",  # as PTDaemon
    "%m-%d-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",  # as LeCroy
    "%d %b %Y %H:%M:%S",
)
_CLOCK = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:[.,]\d+)?)")


def zone(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA database, e.g. ``Europe/Zurich``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(
            f"there is no time zone {name!r}; expected a name such as Europe/Zurich or UTC"
        ) from error


def parsed(text: str, where: tzinfo) -> float | datetime:
    """Return a time: a number as it is, a clock without a date in seconds, else a date.

    Parameters
    ----------
    where
        Time zone of dates that name none.

    Raises
    ------
    ValueError
        If it is no time.
    """
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    clock = _CLOCK.fullmatch(text)
    if clock:
        seconds = float(clock[3].replace(",", "."))
        return int(clock[1]) * 3600.0 + int(clock[2]) * 60.0 + seconds
    return _date(text, where)


def epoch_unit(number: float) -> float | None:
    """Return the seconds that one unit is, if a number counts since 1970; else None."""
    return next((unit for least, unit in _EPOCHS if number >= least), None)


def ns(date: datetime) -> int:
    """Return UTC in nanoseconds, exact to the microsecond."""
    since = date - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _date(text: str, where: tzinfo) -> datetime:
    for form in (None, *_FORMATS):
        try:
            date = datetime.fromisoformat(text) if form is None else datetime.strptime(text, form)
        except ValueError:
            continue
        return date if date.tzinfo is not None else date.replace(tzinfo=where)
    raise ValueError(f"expected a time, got {text[:40]!r}")
