"""What is remembered of a session, written to a file of its own."""

from __future__ import annotations

import math

from monitor.history.account import Account
from monitor.recording.recorder import Recorder
from monitor.session.aside import aside
from monitor.session.desk import Desk

_AT_ONCE = 1 << 18  # samples of the past between two looks at what is live
_AHEAD_BYTES = 64 << 20


async def write_past(account: Account, desk: Desk, recorder: Recorder, seconds: float) -> None:
    """Write the newest seconds, and close the recorder.

    The past is forgotten no faster than it is read, or it is left out.
    """
    oldest, stop = account.history.bounds
    start = max(oldest, stop - math.ceil(seconds * account.info.sample_rate_hz))
    try:
        recorder.announce(account.slow.channels)
        for marker in account.markers_since(account.info.time_ns(start)):
            if not desk.is_own(marker):
                recorder.mark(marker)
        span_ns = account.info.time_ns(start), account.info.time_ns(stop)
        for mark in desk.marks_of(*span_ns):
            recorder.mark(mark)
        for reading in account.slow.since(account.info.time_ns(start)):
            recorder.add(reading)
        for first in range(start, stop, _AT_ONCE):
            for block in account.history.blocks(first, min(first + _AT_ONCE, stop)):
                recorder.write(block)
            await aside(recorder.drain, _AHEAD_BYTES)
    finally:
        await aside(recorder.close)
