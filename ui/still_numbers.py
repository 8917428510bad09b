"""The numbers of a recording at the playhead, while nothing plays."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from monitor.dsp.attribution import attribute
from monitor.model import Average, Metrics, Quantity, Ramp, StageEnergy, StageTable
from monitor.recording.reader import Recording
from ui.in_pieces import InPieces, NotYetError

AVERAGES_S = (0.02, 1.0, 10.0)
RAMPS_S = (0.1, 1.0, 10.0)

_CYCLE_S = 0.02  # s of samples for the rms values: one cycle at 50 Hz
_LONG = 20_000_000  # samples from which no picture is kept waiting for the numbers
_PATIENCE_S = 0.02  # that a frame spends on numbers which are not there yet


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was measured up to the playhead, and the stages that run there."""

    metrics: Metrics | None
    """None before the first sample."""
    stages: tuple[StageEnergy, ...]


class StillNumbers:
    """Makes the numbers of one recording; of a long one it takes several attempts.

    Parameters
    ----------
    session
        Name of the recording.
    """

    def __init__(self, recording: Recording, session: str) -> None:
        self._recording, self._session = recording, session
        self._first, self._last = recording.bounds
        self.is_long = recording.n_samples >= _LONG
        """Whether they take longer than a picture."""
        self._in_pieces = InPieces(recording)
        self._patience_s = _PATIENCE_S if self.is_long else math.inf

    def at(self, index: int) -> Numbers | None:
        """Return the numbers at a sample index; None if they are not there yet: ask again."""
        begin_s, given_s = time.monotonic(), self._patience_s
        self._in_pieces.give(given_s)
        try:
            return self._made(index)
        except NotYetError:
            # As long as is lost by asking again, where that is long: else it would not come on.
            lost_s = time.monotonic() - begin_s - given_s
            self._patience_s = max(_PATIENCE_S, lost_s)
            return None

    def _made(self, at: int) -> Numbers:
        info, recording = self._recording.info, self._recording
        now_ns = info.time_ns(at)
        table = attribute(
            recording.stage_tree.stages(now_ns),
            info,
            self._first,
            at,
            self._in_pieces,
            self._session,
            growing=at < self._last,
        )
        running = tuple(
            used
            for used in table.stages
            if used.stage.start_ns < now_ns
            and (used.stage.stop_ns is None or used.stage.stop_ns >= now_ns)
        )
        return Numbers(self._metrics(at, table) if at > self._first else None, running)

    def _metrics(self, at: int, table: StageTable) -> Metrics:
        """Return the numbers of the recording up to a sample index."""
        recording, rate = self._recording, self._recording.info.sample_rate_hz
        view = recording.view(at - 1, at, 1, AVERAGES_S, RAMPS_S)
        starts = [max(at - round(w * rate), self._first) for w in AVERAGES_S]
        sums, counts = recording.cumulative(np.array([self._first, at, *starts], np.int64))
        averages = tuple(
            Average(
                window_s=window_s,
                mean_w=float(view.averages_w[k, -1]),
                coverage=float(counts[1] - counts[2 + k]) / max(at - starts[k], 1),
            )
            for k, window_s in enumerate(AVERAGES_S)
        )
        # Known of the whole recording only.
        nothing = (math.nan, math.nan)
        extremes = [
            self._in_pieces.ramp_extremes(w) if at == self._last else nothing for w in RAMPS_S
        ]
        ramps = tuple(
            Ramp(
                window_s=window_s,
                now_w_per_s=float(view.ramps_w_per_s[k, -1]),
                max_up_w_per_s=up,
                max_down_w_per_s=down,
            )
            for k, (window_s, (up, down)) in enumerate(zip(RAMPS_S, extremes, strict=True))
        )
        return Metrics(
            at=at,
            power_w=averages[0].mean_w,
            averages=averages,
            ramps=ramps,
            vrms_v=self._rms(Quantity.VOLTAGE, at),
            irms_a=self._rms(Quantity.CURRENT, at),
            line_hz=math.nan,
            energy_j=table.total.energy_j,
            captured_j=float(sums[-1, 1] - sums[-1, 0]) / rate,
            duration_s=(at - self._first) / rate,
            coverage=table.total.coverage,
            n_clipped=recording.n_clipped,
            n_gaps=recording.n_gaps,
        )

    def _rms(self, quantity: Quantity, at: int) -> float:
        """Return the rms of the first channel of a quantity over the last line cycle."""
        for row, channel in enumerate(self._recording.info.channels):
            if channel.quantity is quantity:
                start = max(at - round(_CYCLE_S * self._recording.info.sample_rate_hz), self._first)
                values = self._recording.read(start, at)[row].astype(np.float64)
                values = values[~np.isnan(values)]
                return float(np.sqrt(np.mean(np.square(values)))) if len(values) else math.nan
        return math.nan
