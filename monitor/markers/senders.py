"""What is known of those who send markers: how many there are, and which are missing.

A broker that is restarted forgets what it had accepted and not yet passed on, and a listener that
comes late has missed the beginning. Senders number their markers and keep them, so what is missing
can be seen, and asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

GRACE_S = 0.3
"""How long a missing marker may be on its way."""
_FIRST_S, _LONGEST_S = 1.0, 10.0  # between two requests for the same
_MOST_ASKS = 8  # without an answer, then the sender has it no more
_MOST_MISSING = 1_000_000  # of one sender; more is nonsense that somebody sends
_MOST_SENDERS = 1000


@dataclass(slots=True)
class Sender:
    """One sender, and which of its markers have come."""

    base: str
    """Of its topics."""
    next: int = 1
    """All below this number have come, or are given up."""
    last: int = 0
    """The highest number that is known to exist."""
    n_lost: int = 0
    """Numbers that were given up."""
    _ahead: set[int] = field(default_factory=set)
    _since_s: float = 0.0
    _ask_due_s: float = 0.0
    _n_asks: int = 0

    def take(self, number: int, now_s: float) -> bool:
        """Note that a marker has come; return False if it had come before."""
        if number < self.next or number in self._ahead:
            return False
        if number - self.next > _MOST_MISSING:
            return True
        self._ahead.add(number)
        self.tell(number, now_s)
        self._advance()
        return True

    def tell(self, last: int, now_s: float) -> None:
        """Note that a number exists."""
        if self.last < last <= self.next + _MOST_MISSING:
            if not self._is_missing:
                self._expect(now_s)
            self.last = last

    def request(self, now_s: float) -> tuple[int, int] | None:
        """Return what to ask for now, first and last number; None if nothing.

        What is not there after several requests is given up.
        """
        if not self._is_missing or now_s < self._ask_due_s:
            return None
        if self._n_asks >= _MOST_ASKS:
            stop = min(self._ahead, default=self.last + 1)
            self.n_lost += stop - self.next
            self.next = stop
            self._advance()
            self._expect(now_s)
            return None
        pause_s = min(_FIRST_S * 2**self._n_asks, _LONGEST_S)
        self._n_asks += 1
        self._ask_due_s = now_s + pause_s
        return self.next, min(self._ahead, default=self.last + 1) - 1

    @property
    def n_missing(self) -> int:
        """Return how many numbers below the highest known have not come."""
        return self.last + 1 - self.next - len(self._ahead)

    @property
    def _is_missing(self) -> bool:
        return self.next <= self.last

    def _expect(self, now_s: float) -> None:
        self._ask_due_s = now_s + GRACE_S
        self._n_asks = 0

    def _advance(self) -> None:
        before = self.next
        while self.next in self._ahead:
            self._ahead.discard(self.next)
            self.next += 1
        if self.next != before:
            self._n_asks = 0


class Senders:
    """All senders that were heard of, by the base of their topics."""

    def __init__(self) -> None:
        self._known: dict[str, Sender] = {}
        self._ended: set[str] = set()
        self._n_lost = 0  # of those

    def __iter__(self) -> Iterator[Sender]:
        return iter(self._known.values())

    def of(self, base: str) -> Sender | None:
        """Return a sender; None if there are too many to be real."""
        if base not in self._known:
            if len(self._known) >= _MOST_SENDERS:
                return None
            self._known[base] = Sender(base)
        return self._known[base]

    def end(self, base: str, last: int, now_s: float) -> None:
        """Forget a sender that has said goodbye; what it has not sent by then never comes.

        Parameters
        ----------
        base
            Of its topics.
        last
            The highest number that it says exists.
        now_s
            Now.
        """
        sender = self._known.pop(base, None)
        if sender is not None:
            sender.tell(last, now_s)
            self._n_lost += sender.n_lost + sender.n_missing
        if len(self._ended) < _MOST_SENDERS:
            self._ended.add(base)

    def has_ended(self, base: str) -> bool:
        """Return whether a sender has said goodbye."""
        return base in self._ended

    @property
    def n_lost(self) -> int:
        """Return how many never came: asked for in vain, or missing at their sender's end."""
        return self._n_lost + sum(sender.n_lost for sender in self)
