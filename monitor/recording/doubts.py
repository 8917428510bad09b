"""What is to be said beside numbers that are made of a recording."""

from __future__ import annotations

import logging

from monitor.recording.reader import Recording

logger = logging.getLogger(__name__)


def doubts(recording: Recording, start: int, stop: int) -> tuple[str, ...]:
    """Return why what is made of samples ``[start, stop)`` may be wrong, one sentence each.

    All of their codes are read, and compared with their checksums; what is found is logged.
    """
    found = changed_codes(recording, recording.changed(start, stop))
    for text in found:
        logger.warning("%s: %s", recording.path, text)
    return (*recording.damage, *found)


def changed_codes(recording: Recording, ranges: tuple[tuple[int, int], ...]) -> tuple[str, ...]:
    """Return what is to be said of ranges of samples that changed; nothing of none."""
    if not ranges:
        return ()
    seconds = sum(stop - start for start, stop in ranges) / recording.info.sample_rate_hz
    first_s = (ranges[0][0] - recording.bounds[0]) / recording.info.sample_rate_hz
    return (
        f"codes changed since it was recorded, within {seconds:.6g} s in {len(ranges)} places, the"
        f" first {first_s:.6g} s after its first sample",
    )
