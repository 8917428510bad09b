"""What the probes of a recording were before somebody corrected them."""

from __future__ import annotations

import msgspec

from monitor.model import Probe

HISTORY = "corrections"
"""Attribute of the file; only there if something was corrected."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One correction of a recording's probes."""

    corrected: str
    """UTC, ISO 8601."""
    reason: str
    before: dict[str, Probe]
    """Every channel's, by its name, as they were until then."""


def decode(text: bytes | None) -> tuple[Correction, ...]:
    """Return the corrections of a recording, oldest first, from its attribute; None has none.

    Raises
    ------
    ValueError
        If there are some, but not as they should be.
    """
    if text is None:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[Correction, ...])
    except ValueError as error:
        raise ValueError(f"its corrections are wrong: {error}") from error
