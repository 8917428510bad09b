"""What lines of a log mean: which stage begins or ends with them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitor.errors import ConfigError

KNOWN = Path(__file__).with_name("known")
"""Folder of the patterns that are known here, by name."""
_COUNTS = frozenset(["index", "total", "done"])
_TAKEN = frozenset(["stage", "time_ns", "timing", "uncertainty_s", "status", "steps"])


class PatternSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pattern, as it is written; what applies does so in this order."""

    regex: str
    """Searched for in each line. Groups ``index`` and ``total`` count the stage, other named groups
    become its attributes."""
    end: list[str] = []
    """Stages that end, if they are open."""
    within: list[str] = []
    """Stages that are begun if they are not open, the outermost first."""
    begin: str = ""
    """Stage that begins; one of that name that is open ends."""
    point: str = ""
    """Instant."""
    step: str = ""
    """Stage of which a progress bar counts the occurrences in the group ``done``; when the bar is
    full or its line ends, the last of ``within`` ends."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    patterns: list[PatternSettings]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, ready to be searched for."""

    regex: re.Pattern[str]
    settings: PatternSettings


def load(name_or_file: str) -> tuple[Pattern, ...]:
    """Return the patterns of a TOML file, or those that are known by a name.

    Raises
    ------
    ConfigError
        If there are none, or one of them is not understood.
    """
    known = {path.stem: path for path in KNOWN.glob("*.toml")}
    path = known.get(name_or_file, Path(name_or_file))
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        settings = msgspec.convert(data, _File).patterns
    except OSError as error:
        raise ConfigError(
            f"patterns {name_or_file!r}: {error.strerror}; expected a TOML file or one of"
            f" {', '.join(sorted(known))}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"patterns {path} are not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"patterns {path}: {error}") from error
    if not settings:
        raise ConfigError(f"patterns {path}: there are none; expected [[patterns]] with a regex")
    return tuple(_compiled(one, f"patterns {path}: {one.regex!r}") for one in settings)


def _compiled(settings: PatternSettings, where: str) -> Pattern:
    try:
        regex = re.compile(settings.regex)
    except re.error as error:
        raise ConfigError(f"{where} is not a regular expression: {error}") from error
    groups = regex.groupindex.keys()
    names = [settings.begin, settings.point, settings.step, *settings.end, *settings.within]
    if not any(names):
        raise ConfigError(f"{where} does nothing: expected begin, end, point, step or within")
    if settings.step and "done" not in groups:
        raise ConfigError(f"{where} has a step, but no group (?P<done>[0-9]+) that counts it")
    if taken := sorted(_TAKEN & groups):
        raise ConfigError(f"{where} has a group {taken[0]!r}, a name that markers use themselves")
    return Pattern(regex, settings)


def counted(match: re.Match[str], name: str) -> int | None:
    """Return what a group counts; None if it does not."""
    text = match.groupdict().get(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def attributes(match: re.Match[str]) -> dict[str, str | int | float]:
    """Return the named groups that count nothing, numbers as numbers."""
    return {
        name: _value(text)
        for name, text in match.groupdict().items()
        if text is not None and name not in _COUNTS
    }


def _value(text: str) -> str | int | float:
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,18}\.[0-9]{1,18}", text):
        return float(text)
    return text
