"""Something to measure with, as it is told to people and programs."""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from monitor.setup.candidate import Candidate
from monitor.sources.dialects import spoken_by

_METERS = MappingProxyType(
    {"YOKOGAWA,WT": "yokogawa-wt", "CHROMA": "scpi", "HIOKI": "scpi", "ZES": "scpi"}
)
"""How the identity of a meter begins, and its kind in the settings."""
_HINTS = MappingProxyType(
    {
        "plug": "a meter beside a scope: --meter plug=mqtt://BROKER/TOPIC, with its own topic",
        "serial": "if it is a PMD-USB, a meter beside a scope: --meter elmorlabs-pmd={address}",
        "meter": "a meter beside a scope: --meter {meter}={address}",
        "scpi": 'a meter beside a scope: [[meters]] kind = "scpi" in the profile, with its queries',
        "unknown": "it answers, but is no scope that can be spoken to",
    }
)


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found; the same address again replaces it."""

    address: str
    kind: str
    """scope, meter, plug, serial; unknown if it answers and is none; silent if it does not."""
    identity: str = ""
    """Its reply to ``*IDN?``."""
    name: str = ""
    """For people."""
    dialect: str = ""
    """Id of what a scope speaks."""
    found_by: str
    also: tuple[str, ...] = ()
    """Other addresses of the same instrument."""
    problem: str = ""
    """Why it cannot be used; empty if it can."""
    fix: str = ""
    """What to do about that, or how it is used."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the search is."""

    searching: tuple[str, ...]
    """Searches that are under way."""
    n_found: int
    n_asking: int
    """Instruments that have not answered yet."""


def unasked(candidate: Candidate) -> Device:
    """Return what cannot be asked who it is."""
    return Device(
        address=candidate.address,
        kind=candidate.kind or "silent",
        name=candidate.name,
        found_by=candidate.found_by,
        problem=candidate.problem,
        fix=candidate.fix or _HINTS.get(candidate.kind, "").format(address=candidate.address),
    )


def silent(candidate: Candidate, problem: str) -> Device:
    """Return what did not answer, and why."""
    what, _, fix = problem.partition("; ")
    return Device(
        address=candidate.address,
        kind="silent",
        name=candidate.name,
        found_by=candidate.found_by,
        problem=what,
        fix=fix or "see that it is switched on, and that nobody else is connected to it",
    )


def identified(candidate: Candidate, identity: str) -> Device:
    """Return what answered who it is."""
    row = spoken_by(identity)
    known = (kind for word, kind in _METERS.items() if identity.upper().startswith(word))
    meter = next(known, "")
    kind = "scope" if row is not None else "meter" if meter else "unknown"
    return Device(
        address=candidate.address,
        kind=kind,
        identity=identity,
        name=", ".join(part.strip() for part in identity.split(",")[:2]),
        dialect=row.id if row is not None else "",
        found_by=candidate.found_by,
        fix=_HINTS.get("scpi" if meter == "scpi" else kind, "").format(
            meter=meter, address=candidate.address
        ),
    )


def transport(address: str) -> str:
    """Return how an address is reached, in a word."""
    name = address.upper()
    return next((word for word in ("HISLIP", "SOCKET", "USB") if word in name), "VXI-11")
