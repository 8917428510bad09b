"""When a record began: by the host's clock, and on the stream's sample index."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.errors import ProtocolError
from monitor.model import NS

_DRIFT = 1e-4  # between the host's clock and an instrument's; crystals keep well within it


_SLACK_NS = 1_000_000  # that a clock may be off without having been set


@dataclass(frozen=True, slots=True)
class HostTime:
    """An interval of the host's UTC that holds a record's first sample."""

    ns: int
    """Where in it the host believes the sample to be."""
    uncertainty_ns: int
    """To its farther end."""
    is_buffered: bool = False
    """Whether the record was complete before it was asked for, so that only its latest possible
    start is known."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """What the host saw of a record while it was taken; UTC by its own clock."""

    arm_sent_ns: int
    """Before the instrument was armed."""
    arm_answered_ns: int
    """After its answer."""
    running_sent_ns: int | None
    """Before the last query that found it running; None if it was done at once."""
    done_answered_ns: int
    """After the answer that found it done."""


def host_time(seen: Sightings, duration_ns: int, *, is_continuous: bool) -> HostTime:
    """Return when a record began.

    Of a gap-free instrument, whose record may have begun long before it was armed, only the end
    is seen: between the last query that found it running and the answer that found it done.
    Any other begins as soon as it is armed, if nothing triggers it. Where its end agrees, both
    are believed; else the first, as scopes work on a record before they say that it is done.
    Sure is only that it began after the arming and ended before the last answer.
    """
    latest = seen.done_answered_ns - duration_ns
    running_ns = seen.running_sent_ns
    if is_continuous:
        if running_ns is None:
            return HostTime(latest, seen.arm_answered_ns - seen.arm_sent_ns, is_buffered=True)
        return _between(running_ns - duration_ns, latest)
    latest = max(latest, seen.arm_sent_ns)  # their clocks differ by some parts in a million
    armed_by = min(seen.arm_answered_ns, latest)
    earliest = seen.arm_sent_ns if running_ns is None else running_ns - duration_ns
    if earliest > armed_by:
        earliest = seen.arm_sent_ns
    begun = (max(earliest, seen.arm_sent_ns) + armed_by) // 2
    return HostTime(begun, max(begun - seen.arm_sent_ns, latest - begun))


def _between(earliest_ns: int, latest_ns: int) -> HostTime:
    return HostTime((earliest_ns + latest_ns) // 2, (latest_ns - earliest_ns + 1) // 2)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies in the stream."""

    start: int
    """Index of its first sample."""
    time: HostTime


class Placer:
    """Puts records on the sample index: no overlap, and dead time where there was some.

    Sample 0 is the first sample of the first record.
    """

    def __init__(self, sample_rate_hz: float, t0_ns: int) -> None:
        self._rate_hz = sample_rate_hz
        self._t0_ns = t0_ns
        self._stop = 0
        self._tag: tuple[float, int] | None = None
        self._seen: tuple[int, HostTime] | None = None

    def restart(self) -> None:
        """Forget the instrument's clock, as it may have been switched off."""
        self._tag = None
        self._seen = None

    def place(self, time: HostTime, n_samples: int, tag_s: float | None) -> Place:
        """Return where a record lies.

        Parameters
        ----------
        time
            Of its first sample.
        n_samples
            Its length.
        tag_s
            Its first sample by the instrument's own clock, in s; None if that has none.

        Raises
        ------
        ProtocolError
            If the instrument's clock ran backwards, or jumped.
        """
        if tag_s is None or self._tag is None:
            by_host = round((time.ns - self._t0_ns) * self._rate_hz / NS)
            start = max(by_host, self._stop)
        else:
            start = self._tag[1] + round((tag_s - self._tag[0]) * self._rate_hz)
        if start < self._stop:
            raise ProtocolError(
                f"expected a record that begins after sample {self._stop}, got one whose time tag"
                f" says {start}; the instrument's clock ran backwards"
            )
        if tag_s is not None and self._tag is None:
            self._tag = tag_s, start
        elif tag_s is not None:
            self._check_jump(start, time)
        self._stop = start + n_samples
        return Place(start, self._host_time(start, time))

    def _check_jump(self, start: int, time: HostTime) -> None:
        """Raise ProtocolError if more or less time has passed than the host has seen."""
        if self._seen is None:
            return
        seen_start, seen = self._seen
        by_clock_ns = (start - seen_start) / self._rate_hz * NS
        by_host_ns = time.ns - seen.ns
        sure_ns = time.uncertainty_ns + seen.uncertainty_ns + _DRIFT * by_host_ns + _SLACK_NS
        too_far_ns = by_clock_ns - by_host_ns
        if too_far_ns > sure_ns or (too_far_ns < -sure_ns and not time.is_buffered):
            raise ProtocolError(
                f"expected a record {by_host_ns / NS:.3f} s after the one before, as the host's"
                f" clock says, got one {by_clock_ns / NS:.3f} s after it; the instrument's clock"
                " was set"
            )

    def _host_time(self, start: int, time: HostTime) -> HostTime:
        """Return the time of a buffered record from the newest one whose end was seen."""
        if not time.is_buffered:
            self._seen = start, time
        if self._seen is None or not time.is_buffered:
            return time
        since_ns = round((start - self._seen[0]) / self._rate_hz * NS)
        seen = self._seen[1]
        return HostTime(
            seen.ns + since_ns, seen.uncertainty_ns + round(since_ns * _DRIFT), is_buffered=True
        )
