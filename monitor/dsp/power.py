"""Instantaneous power: multiply first, average later.

The mean of v * i is not the mean of v times the mean of i: a rail that sags under load, or any
mains voltage, makes the difference. Negative power is real, or a probe's zero; it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from monitor.model import Channel, Quantity


@dataclass(frozen=True, slots=True)
class Rails:
    """Which rows of the channels make the total power."""

    pairs: tuple[tuple[int, int], ...]
    """Row of the voltage and row of the current of each rail."""
    powers: tuple[int, ...]
    """Rows of the channels that are powers already."""


def rails(channels: Sequence[Channel]) -> Rails:
    """Return which rows are multiplied and which are added.

    Raises
    ------
    ValueError
        If a rail is neither one voltage and one current, nor one power.
    """
    return _rails(tuple(channels))


@lru_cache
def _rails(channels: tuple[Channel, ...]) -> Rails:
    rows: dict[str, dict[Quantity, int]] = {}
    for row, channel in enumerate(channels):
        rail = rows.setdefault(channel.rail, {})
        if channel.quantity in rail:
            raise ValueError(f"rail {channel.rail!r} has two channels of {channel.quantity.value}")
        rail[channel.quantity] = row
    pairs, powers = [], []
    for name, rail in rows.items():
        if rail.keys() == {Quantity.POWER}:
            powers.append(rail[Quantity.POWER])
        elif rail.keys() == {Quantity.VOLTAGE, Quantity.CURRENT}:
            pairs.append((rail[Quantity.VOLTAGE], rail[Quantity.CURRENT]))
        else:
            found = ", ".join(quantity.value for quantity in rail)
            raise ValueError(
                f"rail {name!r} needs one voltage and one current, or one power; it has {found}"
            )
    return Rails(tuple(pairs), tuple(powers))


def total_power(
    values: NDArray[np.float32],
    channels: Sequence[Channel],
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the sum over the rails of v * i, plus the channels that are powers, in W.

    Parameters
    ----------
    values : shape (n_channels, n_samples)
        In each channel's unit.
    out : shape (n_samples,)
        Where to put the result; None makes an array.

    Returns
    -------
    shape (n_samples,)
    """
    wiring = rails(channels)
    power = np.empty(values.shape[1], np.float32) if out is None else out
    if not wiring.pairs:
        power[:] = 0.0
    for k, (voltage, current) in enumerate(wiring.pairs):
        if k == 0:
            np.multiply(values[voltage], values[current], out=power)
        else:
            power += values[voltage] * values[current]
    for row in wiring.powers:
        power += values[row]
    return power


def signals(values: NDArray[np.float32], channels: Sequence[Channel]) -> NDArray[np.float32]:
    """Return the channels with their total power as the last row.

    Parameters
    ----------
    values : shape (n_channels, n_samples)
        In each channel's unit.

    Returns
    -------
    shape (n_channels + 1, n_samples)
    """
    rows = np.empty((len(values) + 1, values.shape[1]), np.float32)
    rows[:-1] = values
    total_power(values, channels, out=rows[-1])
    return rows
