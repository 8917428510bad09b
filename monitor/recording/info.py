"""What a recording holds, for programs and people."""

from __future__ import annotations

from typing import Any

import msgspec

from monitor.recording.reader import Recording
from monitor.recording.runs import runs


def info(recording: Recording) -> dict[str, Any]:
    """Return the facts that ``wattstage info --json`` prints."""
    return {
        "schema_version": recording.schema_version,
        "start_ns": recording.start_ns,
        "duration_s": recording.duration_s,
        "sample_rate_hz": recording.info.sample_rate_hz,
        "channels": [
            {"name": c.name, "quantity": c.quantity.value, "unit": c.quantity.unit}
            for c in recording.info.channels
        ],
        "n_samples": recording.n_samples,
        "n_blocks": recording.n_blocks,
        "n_gaps": recording.n_gaps,
        "coverage": recording.coverage,
        "n_markers": len(recording.markers),
        "runs": [msgspec.to_builtins(run) for run in runs(recording)],
        "slow_channels": [
            {
                "name": channel.name,
                "source": channel.source,
                "unit": channel.unit,
                "interval_s": channel.interval_s,
                "window_s": channel.window_s,
                "note": channel.note,
                "n_readings": n_readings,
            }
            for channel, n_readings in recording.slow.counts()
        ],
        "n_files": recording.n_files,
        "part": recording.part,
        "ended": recording.ended,
        "closed": recording.closed,
        "lost": list(recording.lost),
        "damage": list(recording.damage),
    }
