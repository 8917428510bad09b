"""From the instrument's codes to engineering units, in one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.model import Channel, Scale


def fold(channel: Channel, scale: Scale) -> Scale:
    """Return the probe over the instrument's scale: ``value = gain * code + offset``.

    ``nominal = ratio * (scale.gain * code + scale.offset) + probe.offset``, in the channel's unit;
    ``value = calibration.gain * nominal + calibration.offset``.
    """
    probe, found = channel.probe, channel.probe.calibration
    return Scale(
        found.gain * probe.ratio * scale.gain,
        found.gain * (probe.ratio * scale.offset + probe.offset) + found.offset,
    )


def to_units(
    codes: NDArray[np.integer],
    channels: Sequence[Channel],
    scales: Sequence[Scale],
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return samples in each channel's unit.

    Parameters
    ----------
    codes : shape (n_channels, n_samples)
        As the instrument sent them.
    channels, scales
        One per row of ``codes``.
    out : shape (n_channels, n_samples)
        Where to put the result; None makes an array.

    Returns
    -------
    shape (n_channels, n_samples)

    Raises
    ------
    ValueError
        If the rows of codes, the channels and the scales are not equally many.
    """
    if not len(codes) == len(channels) == len(scales):
        raise ValueError(f"{len(codes)} rows of codes, {len(channels)=}, {len(scales)=}")
    values = np.empty(codes.shape, np.float32) if out is None else out
    folded = [fold(channel, scale) for channel, scale in zip(channels, scales, strict=True)]
    np.copyto(values, codes, casting="unsafe")  # at once: faster than while it is multiplied
    values *= np.array([[scale.gain] for scale in folded], np.float32)
    if any(scale.offset for scale in folded):
        values += np.array([[scale.offset] for scale in folded], np.float32)
    return values
