"""What is known to be wrong with a recording, for who opens it."""

from __future__ import annotations

from monitor.recording.reader import Recording


def flaws(recording: Recording) -> tuple[str, ...]:
    """Return what is known to be wrong with a recording without reading its samples, worst last."""
    name = recording.path.name
    repair = f"`wattstage repair {name} -o OUT` keeps what can be read"
    found = []
    if not (recording.has_summaries or recording.corrections or recording.unused):
        found.append(
            f"{name} has no summaries that hold: numbers are right, but come slowly; {repair}"
        )
    if not recording.closed and not recording.lost:
        found.append(
            f"{name} was not ended by its recorder: it is still being written, or was cut off;"
            f" {repair}"
        )
    found += [f"{name}: {text}; {repair}" for text in recording.warnings]
    return tuple(found)
