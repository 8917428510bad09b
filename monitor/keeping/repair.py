"""A clean recording from one whose writer died, that was cut short, or is damaged in places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.errors import RecordingError
from monitor.keeping.cut import part_of
from monitor.keeping.rewrite import described, rewrite
from monitor.keeping.size import Size, size_of
from monitor.model import Block
from monitor.recording.doubts import changed_codes
from monitor.recording.reader import Recording


def repair(
    path: Path,
    output: Path,
    progress: Callable[[float], None] = lambda _: None,
    *,
    tell: Callable[[Size], None] = lambda _: None,
) -> tuple[str, ...]:
    """Write all that can be read of a recording, and its marks by hand, to a new file.

    What is not as it was recorded, by its checksums, is left out; a single bit that flipped in a
    table or an attribute is put back.

    Parameters
    ----------
    tell
        Told the size of the new file before it is made.

    Returns
    -------
    What was lost, left out, put back or may be wrong, one sentence each; none if nothing was.

    Raises
    ------
    RecordingError
        If nothing can be read or trusted, or the new file cannot be made.
    """
    with Recording(path, only_sound=True) as recording:
        changed = recording.changed(*recording.bounds)
        found = [*recording.lost, *recording.damage]
        found += (
            f"{text}; they are left out, and there is a gap in their place"
            for text in changed_codes(recording, changed)
        )
        told = [*found]
        if not recording.ended:
            told.append(
                "its recorder did not end it: what it was given after its last flush"
                " (every 0.5 s) was never in the file"
            )
        size = size_of(recording)
        tell(size)
        first, last = recording.bounds
        unreadable: list[int] = []
        rewrite(
            output,
            recording.info,
            described(recording, f"repair of {path.name}", found),
            recording.items(_sound(recording, changed, unreadable)),
            size=size,
            channels=recording.slow.channels,
            corrections=recording.corrections,
            progress=lambda stop: progress((stop - first) / max(last - first, 1)),
        )
        if unreadable:
            seconds = sum(unreadable) / recording.info.sample_rate_hz
            told.append(
                f"{len(unreadable)} blocks, {seconds:.6g} s in all, are damaged and left out;"
                " there is a gap in their place"
            )
        return tuple(told)


def _sound(
    recording: Recording, changed: tuple[tuple[int, int], ...], unreadable: list[int]
) -> Iterator[tuple[int, Block]]:
    """Yield what of the blocks is as it was; lengths of those that cannot be read go to the list.

    Parameters
    ----------
    changed
        Ranges of samples, in their order.
    """
    rate_hz = recording.info.sample_rate_hz
    for k in range(recording.n_blocks):
        try:
            block = recording.block(k)
        except RecordingError:
            unreadable.append(recording.block_length(k))
            continue
        if not any(begin < block.stop and block.start < end for begin, end in changed):
            yield k, block
            continue
        start = block.start
        for begin, end in (*changed, (block.stop, block.stop)):
            if start < min(begin, block.stop):
                yield k, part_of(block, start, min(begin, block.stop), rate_hz)
            start = max(start, end)
