"""What is told about the samples of an export: whence they come, and what happened meanwhile."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.dsp.headers import stands
from monitor.export.selection import Selection, Signal, signals_of
from monitor.model import NS, Channel, Marker, Probe, Quantity, Stage, StreamInfo, Summary
from monitor.recording import notes
from monitor.recording.reader import Recording

KEY = "wattstage"
"""Under which formats with keys hold the description."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Job:
    """An export: what, of which recording."""

    recording: Recording
    selection: Selection
    doubts: tuple[str, ...] = ()
    """Why what is written may be wrong, one sentence each."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Return the columns; of codes with their unit once scaled."""
        every = signals_of(self.recording.info)
        return tuple(every[row] for row in self.selection.rows)

    @property
    def n_samples(self) -> int:
        """Return the captured samples per signal."""
        before = self.recording.cumulative([self.selection.start, self.selection.stop])[1]
        return int(before[1] - before[0])

    @property
    def coverage(self) -> float:
        """Return the captured share of the span."""
        return self.n_samples / (self.selection.stop - self.selection.start)

    @property
    def rate_hz(self) -> float:
        """Return the samples per second."""
        return self.recording.info.sample_rate_hz

    @property
    def start_ns(self) -> int:
        """Return the UTC of the first sample of the selection."""
        return self.recording.info.time_ns(self.selection.start)

    @property
    def stop_ns(self) -> int:
        """Return the UTC after the last."""
        return self.recording.info.time_ns(self.selection.stop)

    def times_ns(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the UTC of samples ``[start, stop)``, shape (stop - start,)."""
        info = self.recording.info
        since = np.rint(np.arange(start, stop) * (NS / info.sample_rate_hz))
        return np.asarray(since.astype(np.int64) + info.t0_ns, np.int64)

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages that lie in the span, or reach into it."""
        stages = self.recording.stage_tree.stages(self.stop_ns)
        return tuple(s for s in stages if s.stop_ns is None or s.stop_ns > self.start_ns)

    def marks(self) -> tuple[Marker, ...]:
        """Return the instants of the span, sorted by time."""
        marks = self.recording.stage_tree.marks()
        return tuple(m for m in marks if self.start_ns <= m.time_ns < self.stop_ns)


def describe(job: Job) -> dict[str, Any]:
    """Return what there is to know, for JSON; ``docs/how-to/export.md`` tells the fields."""
    recording, selection = job.recording, job.selection
    info = recording.info
    found, columns = imported(info, selection)
    summaries = recording.summary(selection.start, selection.stop)
    return {
        KEY: VERSION,
        "file": recording.path.name,
        "schema_version": recording.schema_version,
        "content": "codes" if selection.codes else "values",
        "signals": [{"name": signal.name, "unit": signal.unit} for signal in job.signals],
        "start": selection.start,
        "stop": selection.stop,
        "start_ns": job.start_ns,
        "duration_s": (selection.stop - selection.start) / info.sample_rate_hz,
        "n_samples": job.n_samples,
        "coverage": job.coverage,
        "recording_coverage": recording.coverage,
        "recording_n_gaps": recording.n_gaps,
        "doubts": list(job.doubts),
        "info": msgspec.to_builtins(info),
        "imported_info": msgspec.to_builtins(found),
        "imported_columns": list(columns),
        "largest": [_largest(summaries[row]) for row in selection.rows],
        "settings": notes.told(recording.settings, recording.notes),
        "stages": [msgspec.to_builtins(stage) for stage in job.stages()],
        "markers": [msgspec.to_builtins(marker) for marker in _markers(job)],
        "slow_channels": [msgspec.to_builtins(c) for c in recording.slow.channels],
        "readings": _readings(job),
    }


def to_json(description: dict[str, Any]) -> bytes:
    """Return a description as UTF-8; NaN stays NaN, as in the recording."""
    return json.dumps(description).encode()


def imported(info: StreamInfo, selection: Selection) -> tuple[StreamInfo, tuple[int, ...]]:
    """Return what holds for the samples once they are imported, and which columns are channels.

    Of codes that is what held for the recording. Values have their probe and calibration in them
    already; what the calibration says of its uncertainty stays. Only rails that are whole are
    channels, or the power where not all of them are.
    """
    power = len(info.channels)
    kept = [row for row in selection.rows if row < power]
    quantities: defaultdict[str, set[Quantity]] = defaultdict(set)
    for row in kept:
        quantities[info.channels[row].rail].add(info.channels[row].quantity)
    whole = ({Quantity.POWER}, {Quantity.VOLTAGE, Quantity.CURRENT})
    kept = [row for row in kept if quantities[info.channels[row].rail] in whole]
    channels = [info.channels[row] for row in kept]
    if power in selection.rows and len(kept) < power:
        kept = [power]
        name = signals_of(info)[power].name
        channels = [Channel(name=name, quantity=Quantity.POWER, rail="total")]
    if not selection.codes:
        channels = [msgspec.structs.replace(c, probe=_passed(c.probe)) for c in channels]
    dtype = np.dtype(info.dtype).newbyteorder("=").name if selection.codes else "int32"
    found = msgspec.structs.replace(info, channels=tuple(channels), dtype=dtype)
    return found, tuple(selection.rows.index(row) for row in kept)


def _largest(found: Summary) -> float:
    """Return the largest magnitude; 0 of nothing."""
    return max(abs(found.min), abs(found.max)) if found.n else 0.0


def _passed(probe: Probe) -> Probe:
    """Return the probe of values that a probe was applied to."""
    stated = msgspec.structs.replace(probe.calibration, gain=1.0, offset=0.0, deskew_s=0.0)
    return Probe(note=probe.note, calibration=stated)


def _markers(job: Job) -> list[Marker]:
    """Return what the stages and marks of the span are made of, in recorded order."""
    recording, selection = job.recording, job.selection
    if (selection.start, selection.stop) == recording.bounds:
        return list(recording.markers)
    spans = {(stage.run_id, stage.span_id) for stage in job.stages()}
    return [
        marker
        for marker in recording.markers
        if job.start_ns <= marker.time_ns < job.stop_ns
        or (marker.span_id and (marker.run_id, marker.span_id) in spans)
        or stands(marker)
    ]


def _readings(job: Job) -> list[list[float]]:
    """Return the readings of the span: number of the channel, times, value."""
    number = {channel: k for k, channel in enumerate(job.recording.slow.channels)}
    whole = (job.selection.start, job.selection.stop) == job.recording.bounds
    return [
        [number[reading.channel], reading.time_ns, reading.received_ns, reading.value]
        for reading in job.recording.slow
        if whole or job.start_ns <= reading.time_ns < job.stop_ns
    ]
