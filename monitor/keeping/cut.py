"""A part of a recording as a recording of its own, with the same time and the same indices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from monitor.dsp.headers import stands
from monitor.dsp.interruptions import may_interrupt
from monitor.keeping.rewrite import Item, described, rewrite
from monitor.keeping.size import Size, size_of
from monitor.model import NS, Block, Edge, Marker, Reading
from monitor.recording.doubts import doubts
from monitor.recording.reader import Recording


def cut(
    recording: Recording,
    start: int,
    stop: int,
    output: Path,
    progress: Callable[[float], None] = lambda _: None,
    *,
    tell: Callable[[Size], None] = lambda _: None,
) -> None:
    """Write the samples ``[start, stop)`` and what belongs to them to a new file.

    Those are: marks and readings in that time, the newest reading of each slow channel before it,
    both edges of every stage that reaches into it, and all that holds for whole runs, as the clocks
    of their senders. A
    block that is cut keeps its count of clipped samples, as far as there are so many: which of
    them were clipped was not recorded.

    Parameters
    ----------
    tell
        Told the size of the new file before it is made.

    Raises
    ------
    RecordingError
        If no block lies there, or the file cannot be made.
    """
    n = max(stop - start, 1)
    before = recording.cumulative([start, max(start, stop)])[1]
    size = size_of(recording, share=float(before[1] - before[0]) / max(recording.n_samples, 1))
    tell(size)
    rewrite(
        output,
        recording.info,
        described(
            recording,
            f"cut of {recording.path.name}, samples {start} to {stop}",
            doubts(recording, start, stop),
        ),
        _items(recording, start, stop),
        size=size,
        channels=recording.slow.channels,
        corrections=recording.corrections,
        progress=lambda done: progress((done - start) / n),
    )


def _items(recording: Recording, start: int, stop: int) -> Iterator[Item]:
    info = recording.info
    start_ns, stop_ns = info.time_ns(start), info.time_ns(stop)
    stages = {
        (stage.run_id, stage.span_id)
        for stage in recording.stage_tree.stages(info.time_ns(recording.bounds[1]))
        if stage.start_ns < stop_ns and (stage.stop_ns is None or stage.stop_ns > start_ns)
    }
    newest = {
        value.channel: value.age_s for value in recording.slow.values(start_ns)
    }  # of each slow channel, what held when it began
    ages_s = [age_s for age_s in newest.values() if not math.isnan(age_s)]
    since_ns = start_ns - round(max(ages_s, default=0.0) * NS)
    blocks = (
        (k, part_of(recording.block(k), start, stop, info.sample_rate_hz))
        for k in recording.blocks_between(start, stop)
    )
    for item in recording.items(blocks):
        match item:
            case Marker() if may_interrupt(item) and since_ns <= item.time_ns < start_ns:
                pass  # what held when it began did not hold across that
            case Marker() if not _belongs(item, stages, start_ns, stop_ns):
                continue
            case Reading():
                age_s = newest.get(item.channel, math.nan)
                holds = not math.isnan(age_s) and item.time_ns >= start_ns - round(age_s * NS) - 1
                if not (holds or item.time_ns >= start_ns) or item.time_ns >= stop_ns:
                    continue
        yield item


def _belongs(marker: Marker, stages: set[tuple[str, str]], start_ns: int, stop_ns: int) -> bool:
    if marker.edge is Edge.INSTANT:
        return stands(marker) or start_ns <= marker.time_ns < stop_ns
    return (marker.run_id, marker.span_id) in stages


def part_of(block: Block, start: int, stop: int, rate_hz: float) -> Block:
    """Return what of a block lies in ``[start, stop)``."""
    a, b = max(start - block.start, 0), min(stop - block.start, block.n_samples)
    if (a, b) == (0, block.n_samples):
        return block
    return replace(
        block,
        start=block.start + a,
        codes=block.codes[:, a:b],
        host_ns=block.host_ns + round(a * NS / rate_hz),
        clipped=tuple(min(n, b - a) for n in block.clipped),
    )
