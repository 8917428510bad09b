"""What a slow power channel says that each stage used, beside what the samples say."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.dsp import energy
from monitor.model import NS, HeldEnergy, SlowChannel, SlowEnergy, StreamInfo

_LEAST_S = 1e-6  # held for less, a mean is made of rounding errors


class Totals(Protocol):
    """What is asked about the readings of one channel."""

    def cumulative(
        self, at_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return J and held seconds before each time; NaN where that is forgotten."""


def slow_energy(  # noqa: PLR0917  # the order of attribute()
    channel: SlowChannel,
    totals: Totals,
    slices: energy.Slices,
    info: StreamInfo,
    parents: NDArray[np.int64],
    depths: NDArray[np.int64],
    leaf: NDArray[np.bool_],
) -> SlowEnergy | None:
    """Return what a channel says about the same slices as the samples; None if nothing.

    Parameters
    ----------
    parents, depths : shape (n_stages,)
        As for ``energy.fill``.
    leaf : shape (n_stages + 1,)
        Whether no other stage lies in it; of nobody False.
    """
    rate = info.sample_rate_hz
    at_ns = info.t0_ns + np.round(slices.edges * (NS / rate)).astype(np.int64)
    joules, seconds = totals.cumulative(at_ns)
    # In W times samples and in samples, as energy.fill counts.
    sums, n = (np.nan_to_num(np.diff(values)) * rate for values in (joules, seconds))
    if not n.any():
        return None
    n = np.minimum(n, slices.lengths)
    enough = n > _LEAST_S * rate
    basis = np.where(enough, sums, 0.0), np.where(enough, n, 0.0)
    filled = energy.fill(slices, sums, n, basis, parents=parents, depths=depths)
    own = np.stack(
        [
            energy.gather(slices.owners, values.astype(np.float64), parents.size)
            for values in (filled, n, slices.lengths)
        ]
    )
    rolled = [energy.roll_up(values[:-1], parents, depths) for values in own]
    return SlowEnergy(
        channel=channel,
        total=_held(own.sum(axis=1), rate),
        unattributed=_held(own[:, ~leaf].sum(axis=1), rate),
        stages=tuple(_held(values, rate) for values in np.stack(rolled, axis=1)),
    )


def _held(values: NDArray[np.float64], rate_hz: float) -> HeldEnergy:
    """Return the energy of a filled sum, held samples and samples that there should be."""
    filled, n, length = map(float, values)
    return HeldEnergy(energy_j=filled / rate_hz, coverage=n / length if length else 0.0)
