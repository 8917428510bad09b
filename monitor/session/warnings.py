"""What the user should know of a session, the worst last."""

from __future__ import annotations

import enum
from collections.abc import Iterable

_MOST = 8


class Severity(enum.IntEnum):
    """How bad it is."""

    NEWS = 0
    """Something went well, or is well again."""
    FLAW = 1
    """A part is missing, or may be wrong."""
    BLIND = 2
    """Nothing is measured."""
    UNKEPT = 3
    """What is measured is not kept."""


class Warnings:
    """Sentences, each until what it tells of is over or worse ones need its place."""

    def __init__(self) -> None:
        self._told: list[tuple[Severity, str, str]] = []

    def add(self, text: str, severity: Severity, *, about: str = "") -> None:
        """Tell something; ``about`` is what it is over with, if it can be."""
        self._told.append((severity, text, about))
        if len(self._told) > _MOST:
            self._told.remove(min(self._told, key=lambda each: each[0]))

    def settle(self, about: str) -> None:
        """Take back what was told about something that is well again."""
        self._told = [each for each in self._told if each[2] != about]

    def texts(self, also: Iterable[str] = ()) -> tuple[str, ...]:
        """Return all sentences, the worst last, and among equals the newest.

        Parameters
        ----------
        also
            Flaws that last just now.
        """
        told = [*self._told, *((Severity.FLAW, text, "") for text in also)]
        return tuple(text for _, text, _ in sorted(told, key=lambda each: each[0]))
