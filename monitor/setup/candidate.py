"""A place where an instrument may be, before it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a search found."""

    key: str
    """The same for all addresses of one instrument, as far as the search can tell."""
    address: str
    """VISA resource name, serial port, or URL."""
    host: str = ""
    """On the network; empty for what is plugged in."""
    found_by: str
    """Which search: mDNS, VXI-11, USB, serial, you."""
    name: str = ""
    """What it calls itself, before it was asked."""
    rank: int = 0
    """Lower ones of the same key are asked first."""
    is_told: bool = True
    """Whether the instrument said so; else it is a place that is worth a try."""
    kind: str = ""
    """plug or serial; empty if asking will tell."""
    problem: str = ""
    """Why it cannot be asked; empty if it can."""
    fix: str = ""
    """What to do about that."""

    @property
    def is_askable(self) -> bool:
        """Return whether it takes ``*IDN?``."""
        return not self.kind and not self.problem


@dataclass(frozen=True, slots=True)
class Note:
    """Why a search could not be made, and what to do."""

    search: str
    problem: str
    fix: str = ""


Found = Callable[[Candidate | Note], None]
"""Takes what a search finds; from any thread."""
