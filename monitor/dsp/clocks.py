"""The clocks of all senders: from the times that their markers carry to ours."""

from __future__ import annotations

import msgspec

from monitor.dsp.clock_fit import ClockFit
from monitor.model import Edge, Marker

STAGE = "clock"
"""Of the points that compare a sender's clock with ours."""
_LONGEST_S = 86_400.0  # that a sender may doubt its own time; more is no statement
_TIMES = ("t0_ns", "t1_ns", "t2_ns", "t3_ns")


class Clocks:
    """What is known of the senders' clocks; a sender of whom nothing is known has ours."""

    def __init__(self) -> None:
        self._fits: dict[tuple[str, str], ClockFit] = {}
        self._ours: set[tuple[str, str]] = set()
        """Senders whose clock is ours."""
        self.n_taken = 0
        """Points that compare clocks."""

    def take(self, marker: Marker) -> bool:
        """Take a point that compares clocks; return False if it is anything else."""
        if marker.stage != STAGE or marker.edge is not Edge.INSTANT or not marker.sender:
            return False
        times = [marker.attrs.get(name) for name in _TIMES]
        t0, t1, t2, t3 = times
        if not (
            isinstance(t0, int) and isinstance(t1, int)
            and isinstance(t2, int) and isinstance(t3, int)
        ):  # fmt: skip
            return False
        self.n_taken += 1
        if t0 == t1 == t2 == t3:  # no answer comes back in no time
            self._ours.add((marker.run_id, marker.sender))
        self._fits.setdefault((marker.run_id, marker.sender), ClockFit()).add(t0, t1, t2, t3)
        return True

    def time_of(self, marker: Marker) -> tuple[int, int]:
        """Return when a marker was by our clock, in ns, and the bound of that.

        The bound is the wider one of the clocks' and of what the sender says of its own time.
        """
        own_ns = _own_bound_ns(marker)
        # What the listener has made for a sender that is gone is by our clock.
        if marker.time_ns == marker.received_ns:
            return marker.time_ns, own_ns
        found = self.ours(marker.run_id, marker.sender, marker.time_ns)
        return (marker.time_ns, own_ns) if found is None else (found[0], max(found[1], own_ns))

    def ours(self, run_id: str, sender: str, time_ns: int) -> tuple[int, int] | None:
        """Return a time of a sender's clock by ours, and its bound; None if nothing is known."""
        if (run_id, sender) in self._ours:
            return time_ns, 0
        fit = self._fits.get((run_id, sender))
        if not fit:
            return None
        offset_ns, bound_ns = fit.at(time_ns)
        return time_ns - offset_ns, bound_ns

    def forget(self, run_id: str, sender: str) -> None:
        """Know nothing of a sender any more."""
        self._fits.pop((run_id, sender), None)
        self._ours.discard((run_id, sender))

    def aligned(self, marker: Marker) -> Marker:
        """Return a marker with its time by our clock."""
        time_ns, _ = self.time_of(marker)
        if time_ns == marker.time_ns:
            return marker
        return msgspec.structs.replace(marker, time_ns=time_ns)


def _own_bound_ns(marker: Marker) -> int:
    """Return how well a sender knows when its marker was, e.g. one that was read from a log."""
    told_s = marker.attrs.get("uncertainty_s")
    if isinstance(told_s, bool) or not isinstance(told_s, int | float):
        return 0
    return round(min(told_s, _LONGEST_S) * 1e9) if told_s > 0 else 0
