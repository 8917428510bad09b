"""A clean recording from one whose writer died, that was cut short, or is damaged in places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.errors import RecordingError
from monitor.keeping.rewrite import described, rewrite
from monitor.keeping.size import Size, size_of
from monitor.model import Block
from monitor.recording.reader import Recording


def repair(
    path: Path,
    output: Path,
    progress: Callable[[float], None] = lambda _: None,
    *,
    tell: Callable[[Size], None] = lambda _: None,
) -> tuple[str, ...]:
    """Write all that can be read of a recording, and its marks by hand, to a new file.

    Parameters
    ----------
    tell
        Told the size of the new file before it is made.

    Returns
    -------
    What was lost, one sentence each; none if nothing was.

    Raises
    ------
    RecordingError
        If nothing can be read, or the new file cannot be made.
    """
    with Recording(path) as recording:
        lost = list(recording.lost)
        if not recording.ended:
            lost.append(
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
            described(recording, f"repair of {path.name}"),
            recording.items(_readable(recording, unreadable)),
            size=size,
            channels=recording.slow.channels,
            corrections=recording.corrections,
            progress=lambda stop: progress((stop - first) / max(last - first, 1)),
        )
        if unreadable:
            seconds = sum(unreadable) / recording.info.sample_rate_hz
            lost.append(
                f"{len(unreadable)} blocks, {seconds:.6g} s in all, are damaged and left out;"
                " there is a gap in their place"
            )
        return tuple(lost)


def _readable(recording: Recording, unreadable: list[int]) -> Iterator[tuple[int, Block]]:
    """Yield the blocks that can be read; the lengths of the others go into the list."""
    for k in range(recording.n_blocks):
        try:
            yield k, recording.block(k)
        except RecordingError:
            unreadable.append(recording.block_length(k))
