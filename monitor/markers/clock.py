"""Compares the senders' clocks with ours: when to ask, and what an answer tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from monitor.dsp.clocks import STAGE
from monitor.markers.payload import Answer
from monitor.model import Edge, Marker

# Between questions. With 5 s instead of 2, what has just come would be 2.5 times as far off.
_OFTEN_S, _SELDOM_S, _RARELY_S = 0.1, 0.5, 2.0
_FIRST_S, _SOON_S = 3.0, 60.0  # until when they are asked often, and seldom
_MOST_S = 10.0  # that an answer may take


@dataclass(slots=True)
class Interview:
    """The questions to one sender."""

    base: str
    """Of its topics."""
    begun_s: float
    _due_s: float = 0.0

    def close(self) -> None:
        """Ask no more."""
        self._due_s = math.inf

    def is_due(self, now_s: float) -> bool:
        """Return whether to ask now, and count on it."""
        if now_s < self._due_s:
            return False
        age_s = now_s - self.begun_s
        pause_s = _OFTEN_S if age_s < _FIRST_S else _SELDOM_S if age_s < _SOON_S else _RARELY_S
        self._due_s = now_s + pause_s
        return True


def compared(answer: Answer, t3_ns: int) -> Marker | None:
    """Return the point that tells of a question and its answer; None if it came too late."""
    if not answer.t0_ns <= t3_ns <= answer.t0_ns + _MOST_S * 1e9:
        return None
    return _point(
        answer.run_id,
        answer.sender,
        (answer.t0_ns, answer.t1_ns, answer.t2_ns, t3_ns),
        t3_ns,
    )


def same(run_id: str, sender: str, now_ns: int) -> Marker:
    """Return the point that tells of a sender that has our clock."""
    return _point(run_id, sender, (now_ns,) * 4, now_ns)


def our_clock() -> str:
    """Return what names this machine's clock; empty if nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _point(run_id: str, sender: str, times: tuple[int, ...], received_ns: int) -> Marker:
    names = ("t0_ns", "t1_ns", "t2_ns", "t3_ns")
    return Marker(
        time_ns=times[1],
        received_ns=received_ns,
        stage=STAGE,
        edge=Edge.INSTANT,
        run_id=run_id,
        sender=sender,
        attrs=dict(zip(names, times, strict=True)),
    )
