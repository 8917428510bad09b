"""What was measured between two instants: between the cursors of a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.dsp.attribution import Samples, attribute
from monitor.model import SignalNumbers, SpanNumbers, Stage, StreamInfo, Summary


class Summarised(Samples, Protocol):
    """What is asked about the samples: a history or a recording answers."""

    def summary(self, start: int, stop: int) -> tuple[Summary, ...]:
        """Return the exact summary of each signal, the power last."""


def measured(
    stages: Sequence[Stage], info: StreamInfo, start: int, stop: int, samples: Summarised
) -> SpanNumbers:
    """Return the numbers of ``[start, stop)``; dead time is filled as in the stage table.

    Parameters
    ----------
    stages
        Sorted by start.
    """
    units = [*((each.name, each.quantity.unit) for each in info.channels), ("p(t)", "W")]
    return SpanNumbers(
        start=start,
        stop=stop,
        total=attribute(stages, info, start, stop, samples, "").total,
        signals=tuple(
            SignalNumbers(
                name=name, unit=unit, mean=found.mean, rms=found.rms, low=found.min, high=found.max
            )
            for (name, unit), found in zip(units, samples.summary(start, stop), strict=True)
        ),
    )
