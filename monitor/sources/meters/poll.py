"""A meter that is asked over VISA: one sweep of queries, on the calling thread."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from monitor.config import MeterSettings, QuerySettings
from monitor.errors import ConfigError, InstrumentError, ProtocolError
from monitor.sources.visa import VisaLink

_NO_NUMBER = re.compile(r"[-\s]*(?:N/?A|O\.?\s?[LF]\.?|OVER\w*|ERR\w*|-)[-\s]*", re.IGNORECASE)
"""What meters print instead of a number: dashes, OL, OVER, ERROR."""
_FLOAT32 = ">f4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a meter is told and asked."""

    setup: tuple[str, ...]
    """Sent once, at each connection."""
    queries: tuple[QuerySettings, ...]
    release: tuple[str, ...] = ()
    """Sent before the connection is given up."""
    is_binary: bool = False
    """Whether replies are blocks of single-precision numbers, high byte first, not text."""
    window_s: float = 0.0
    """Over which a reply is a mean; 0 means unknown."""
    settle_s: float = 0.0
    """From being set up to the first value."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query brought."""

    query: QuerySettings
    value: float
    """As the meter gave it: before the factor, and perhaps an error code."""
    time_ns: int
    """UTC half-way between query and reply."""


def plan_of(settings: MeterSettings) -> Plan:
    """Return the plan that the settings spell out.

    Raises
    ------
    ConfigError
        If there is nothing to ask for, or two values have one name.
    """
    queries = settings.queries
    names = [query.name for query in queries]
    if not queries:
        raise ConfigError(
            f"meter {settings.address!r}: kind scpi needs queries; give at least one"
            ' [[meters.queries]] such as name = "power", query = ":MEASure:POWer?", unit = "W"'
        )
    if len(set(names)) != len(names):
        raise ConfigError(f"meter {settings.address!r}: two queries have one name: {names}")
    for query in queries:
        if query.field < 0 or not query.query.strip():
            raise ConfigError(
                f"meter {settings.address!r}: query {query.name!r} needs a text and a field from"
                f" 0, got {query.query!r} and {query.field}"
            )
    return Plan(setup=settings.setup, queries=queries, window_s=settings.window_s)


class Poller:
    """Asks a meter what its plan says; everything blocks and runs on one thread.

    Parameters
    ----------
    settings, plan
        Which meter, and what to ask it.
    now_ns
        Tells the UTC.
    """

    def __init__(self, settings: MeterSettings, plan: Plan, now_ns: Callable[[], int]) -> None:
        self._address = settings.address
        self._plan = plan
        self._now_ns = now_ns
        self._link = VisaLink(settings.address, settings.timeout_s)

    def connect(self) -> str:
        """Connect, set up and try every query once; return who answers.

        Raises
        ------
        InstrumentError
            If nothing answers, or not as the plan needs it.
        """
        self._link.close()
        self._link.open()
        try:
            identity = self._link.query("*IDN?")
            for command in self._plan.setup:
                self._link.write(command)
            self.sweep()
        except BaseException:
            self._link.close()
            raise
        return identity

    def sweep(self) -> tuple[Answer, ...]:
        """Ask once for everything; queries of the same text are sent once.

        Raises
        ------
        ConnectionLostError
            If the meter does not answer.
        ProtocolError
            If it answers something else than numbers.
        """
        replies: dict[str, tuple[list[str] | list[float], int]] = {}
        answers = []
        for query in self._plan.queries:
            if query.query not in replies:
                replies[query.query] = self._ask(query.query)
            fields, time_ns = replies[query.query]
            answers.append(Answer(query, self._number(fields, query), time_ns))
        return tuple(answers)

    def close(self) -> None:
        """Give the meter back to its front panel and disconnect."""
        with contextlib.suppress(InstrumentError):  # it is gone already
            for command in self._plan.release:
                self._link.write(command)
        self._link.close()

    def _ask(self, text: str) -> tuple[list[str] | list[float], int]:
        sent_ns = self._now_ns()
        fields: list[str] | list[float]
        if self._plan.is_binary:
            fields = [float(value) for value in self._link.query_block(text, _FLOAT32)]
        else:
            fields = re.split("[,;]", self._link.query(text))
        return fields, (sent_ns + self._now_ns()) // 2

    def _number(self, fields: list[str] | list[float], query: QuerySettings) -> float:
        if query.field >= len(fields):
            raise ProtocolError(
                f"{self._address}: expected at least {query.field + 1} values in reply to"
                f" {query.query!r}, got {len(fields)}; check field of {query.name!r}"
            )
        field = fields[query.field]
        try:
            return float(field)
        except ValueError:
            if _NO_NUMBER.fullmatch(str(field)):
                return float("nan")
        raise ProtocolError(
            f"{self._address}: expected a number for {query.name!r} in reply to {query.query!r},"
            f" got {str(field)[:40]!r}; check its query and field"
        )
