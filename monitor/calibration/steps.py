"""From what was captured of something known to a channel's new calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from monitor.calibration.taking import Taken
from monitor.config import InputSettings
from monitor.dsp import calibration as dsp
from monitor.dsp.delay import Delay, delay, mean_delay
from monitor.errors import ConfigError, InstrumentError
from monitor.model import Calibration, Quantity
from monitor.setup.levels import line_cycles

_NOTHING = 0.03  # of the full scale: what moves more is not nothing
_FAR = 0.05  # of the full scale: what is that far from nothing is not a probe's zero
_LONGEST_S = 1e-3  # two probes are never further apart
_LIMIT = math.sqrt(3)  # standard uncertainty of what lies anywhere within limits (JCGM 100, 4.3.7)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a reference meter can do, as its data sheet gives it: limits of its error."""

    percent: float
    """Of the reading."""
    absolute: float
    """In the reading's unit."""

    def uncertainty(self, reading: float) -> float:
        """Return the standard uncertainty of a reading; the two limits are added first."""
        return (abs(reading) * self.percent / 100 + self.absolute) / _LIMIT


@dataclass(frozen=True, slots=True)
class Shown:
    """What a channel shows of a level that somebody has set."""

    level: dsp.Level
    is_alternating: bool
    """Whether it is an rms value about the channel's zero."""


def zero(taken: Taken, row: int, before: Calibration) -> tuple[Calibration, dsp.Level]:
    """Return a channel's calibration after it was shown nothing, and what it showed.

    Raises
    ------
    InstrumentError
        If it moves too much, or is too far off, to be shown nothing, or is clipped.
    """
    _not_clipped(taken, row)
    records = [record[row] for record in taken.records]
    level = dsp.steady(records, taken.sample_rate_hz, taken.steps[row])
    if level.noise > _NOTHING * taken.full_scales[row]:
        channel = taken.channels[row]
        raise InstrumentError(
            f"{channel.name} moves by {level.noise:.3g} {channel.quantity.unit} rms, more than"
            f" {_NOTHING:.0%} of its range: something flows; take the clamp off the conductor (of"
            " a voltage: join the probe's tips), and begin again"
        )
    if abs(level.value) > _FAR * taken.full_scales[row]:
        channel = taken.channels[row]
        raise InstrumentError(
            f"{channel.name} shows a steady {level.value:.3g} {channel.quantity.unit}, more than"
            f" {_FAR:.0%} of its range: something flows, or the probe itself must be adjusted;"
            " take the clamp off the conductor, use its own zero, and begin again"
        )
    line = dsp.zero_line(level, before.gain, before.gain_uncertainty)
    return _with(before, line), level


def shown(taken: Taken, row: int, before: Calibration) -> Shown:
    """Return what a channel shows: an rms value over whole line cycles if there are any.

    Raises
    ------
    InstrumentError
        If it is clipped.
    """
    _not_clipped(taken, row)
    rate_hz, step = taken.sample_rate_hz, taken.steps[row]
    cycles = []
    for record in taken.records:
        found = line_cycles(record[row], rate_hz)
        if found is not None:
            cycles.append(record[row, found[0] : found[1]])
    if len(cycles) * 2 > len(taken.records):
        about = -before.offset / before.gain
        return Shown(dsp.alternating(cycles, rate_hz, step, about), is_alternating=True)
    records = [record[row] for record in taken.records]
    return Shown(dsp.steady(records, rate_hz, step), is_alternating=False)


def gain(
    points: Sequence[tuple[Shown, float]], reference: Reference, before: Calibration
) -> Calibration:
    """Return a channel's calibration after two levels were compared with a reference.

    Steady levels make a line, and so a new zero too. Alternating ones keep the zero.

    Parameters
    ----------
    points
        What the channel and the reference showed.

    Raises
    ------
    ConfigError
        If the points make no sense together.
    """
    known = [
        dsp.Point(found.level, reading, reference.uncertainty(reading)) for found, reading in points
    ]
    try:
        if any(found.is_alternating for found, _ in points):
            about, uncertain = -before.offset / before.gain, before.offset_uncertainty / before.gain
            return _with(before, dsp.through_zero(known, about, uncertain))
        low, high = known
        return _with(before, dsp.two_point(low, high))
    except ValueError as error:
        raise ConfigError(f"no gain can be made of this: {error}; nothing was changed") from error


def deskew(taken: Taken, voltage: int, current: int) -> tuple[tuple[float, float], Delay]:
    """Return how late the two channels of a rail are against each other, and how that was found.

    Raises
    ------
    InstrumentError
        If no record shows one edge on both.
    """
    found, why = [], "nothing was captured"
    for record in taken.records:
        try:
            found.append(
                delay(record[voltage], record[current], taken.sample_rate_hz, longest_s=_LONGEST_S)
            )
        except ValueError as error:
            why = str(error)
    if not found:
        raise InstrumentError(
            f"no delay was found in {len(taken.records)} records: {why}; let both probes see one"
            " edge, e.g. of a lamp or resistor that is switched, or of the probe compensation"
        )
    late = mean_delay(found)
    if abs(late.delay_s) >= _LONGEST_S:
        raise InstrumentError(
            f"the two channels are {late.delay_s:.3g} s apart, more than {_LONGEST_S:g} s; they do"
            " not show the same edge"
        )
    return (max(-late.delay_s, 0.0), max(late.delay_s, 0.0)), late


def pair(inputs: Sequence[InputSettings], rail: str | None) -> tuple[int, int]:
    """Return the places of a rail's voltage and current; ConfigError if it has none."""
    rows = {(item.rail, item.quantity): k for k, item in enumerate(inputs)}
    for name in [rail] if rail is not None else dict.fromkeys(item.rail for item in inputs):
        voltage, current = rows.get((name, Quantity.VOLTAGE)), rows.get((name, Quantity.CURRENT))
        if voltage is not None and current is not None:
            return voltage, current
    known = ", ".join(dict.fromkeys(item.rail for item in inputs))
    raise ConfigError(f"a voltage and a current of one rail are needed; the rails are: {known}")


def _with(before: Calibration, line: dsp.Line) -> Calibration:
    return msgspec.structs.replace(
        before,
        gain=line.gain,
        offset=line.offset,
        gain_uncertainty=line.gain_uncertainty,
        offset_uncertainty=0.0 if math.isnan(line.offset_uncertainty) else line.offset_uncertainty,
    )


def _not_clipped(taken: Taken, row: int) -> None:
    if n := taken.n_clipped[row]:
        n_all = sum(np.shape(record)[1] for record in taken.records)
        raise InstrumentError(
            f"{taken.channels[row].name}: {n} of {n_all} samples stand at the edge of the screen;"
            " choose a larger range at the instrument, and begin again"
        )
