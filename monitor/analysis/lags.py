"""How late the slow power channels of a recording are against its samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from monitor.dsp.lag import Lag, lag
from monitor.dsp.trailing import Trailing
from monitor.model import NS, SlowChannel, Supply
from monitor.recording.reader import Recording

_STEP_S = 0.005  # of the cells; on mains a line cycle
_MOST_CELLS = 500_000  # 42 minutes; those of a longer recording are longer


@dataclass(frozen=True, slots=True)
class ChannelLag:
    """What a slow channel does to the power."""

    channel: SlowChannel
    lag: Lag | None
    """None where the recording does not tell."""
    why: str
    """Why not."""


def lags(recording: Recording) -> tuple[ChannelLag, ...]:
    """Return the lag of each slow channel that is a power."""
    held = recording.slow.held
    powers = [channel for channel in held if channel.is_power]
    if not powers:
        return ()
    try:
        trailing = _trailing(recording)
    except ValueError as error:
        return tuple(ChannelLag(channel, None, str(error)) for channel in powers)
    found = []
    for channel in powers:
        times_ns, values = held[channel].read(0, np.iinfo(np.int64).max)
        try:
            said = lag(trailing, (times_ns - recording.start_ns) / NS, values)
            found.append(ChannelLag(channel, said, ""))
        except ValueError as error:
            found.append(ChannelLag(channel, None, str(error)))
    return tuple(found)


def to_json_value(found: tuple[ChannelLag, ...]) -> list[dict[str, Any]]:
    """Return what ``wattstage lag --json`` prints."""
    return [
        {"channel": msgspec.to_builtins(each.channel)}
        | ({"why_not": each.why} if each.lag is None else {"lag": _fields(each.lag)})
        for each in found
    ]


def _fields(found: Lag) -> dict[str, Any]:
    return {
        "shape": found.shape.value,
        "delay_s": found.delay_s,
        "delay_uncertainty_s": found.delay_uncertainty_s,
        "window_s": found.window_s,
        "window_uncertainty_s": found.window_uncertainty_s,
        "gain": found.gain,
        "offset_w": found.offset_w,
        "correlation": found.correlation,
        "n_readings": found.n_readings,
    }


def _trailing(recording: Recording) -> Trailing:
    """Return the power in cells; ValueError if nothing was captured."""
    rate_hz = recording.info.sample_rate_hz
    start, stop = recording.bounds
    step_s = recording.peak_window_s if recording.supply is Supply.MAINS else _STEP_S
    step_s = max(step_s, 1 / rate_hz, (stop - start) / rate_hz / _MOST_CELLS)
    n_cells = math.floor((stop - start) / rate_hz / step_s)
    edges = start + np.round(np.arange(n_cells + 1) * (step_s * rate_hz)).astype(np.int64)
    sums, counts = recording.cumulative(edges)
    n = np.diff(counts)
    power_w = np.where(n > 0, np.diff(sums[-1]) / np.maximum(n, 1), np.nan)
    start_s = (recording.info.time_ns(start) - recording.start_ns) / NS
    return Trailing(power_w, start_s, step_s)
