"""How long to wait before a record is armed, so that records and load share no rhythm."""

from __future__ import annotations

from collections.abc import Callable

_LONGEST = 0.1  # of a record


class Rhythm:
    """Breaks the rhythm in which records are taken.

    A load that repeats as often as the records begin would always be seen in the same phase: with
    equal periods and half of the time unseen that made errors of 12 % rms, whatever the records
    said of their own spread. A wait costs coverage, and only what is not seen can be seen
    wrongly: so it is no longer than the dead time was, nor than a tenth of a record.

    Parameters
    ----------
    share
        Returns which part of the longest wait to take, 0 to 1, different each time.
    """

    def __init__(self, share: Callable[[], float]) -> None:
        self._share = share
        self._waited_s = 0.0

    def wait_s(self, duration_s: float, gap_s: float) -> float:
        """Return how long to wait before the next record is armed.

        Parameters
        ----------
        duration_s
            Of a record.
        gap_s
            From the last record but one to the last, in which the wait that was returned last
            lies.
        """
        dead_s = max(0.0, gap_s - self._waited_s)
        self._waited_s = self._share() * min(_LONGEST * duration_s, dead_s)
        return self._waited_s
