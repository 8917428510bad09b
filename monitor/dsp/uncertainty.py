"""What the uncertainty of the channels' calibration makes of an energy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.power import rails
from monitor.model import Channel


def calibration_share(
    channels: Sequence[Channel],
    *,
    energy_j: NDArray[np.float64],
    duration_s: NDArray[np.float64],
    sums: NDArray[np.float64],
    n: NDArray[np.integer],
    together: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> list[float] | list[None]:
    """Return the standard uncertainty (k = 1) of energies that the calibration makes, in J.

    A gain's error scales the energy; an offset's adds the other quantity's integral, which on
    mains is next to nothing, and on DC grows with time. The parts of one energy are independent,
    so they add as squares (JCGM 100, 5.1.2). Those of different energies are not: it is the same
    error in all of them, so the uncertainty of a sum is at most the sum of the uncertainties.

    With several rails the energy of each is not known apart; then the largest relative uncertainty
    counts for all, which is never too little as long as no rail feeds back. Where nothing was
    captured, the means of the session stand for those of the time.

    Parameters
    ----------
    energy_j, duration_s : shape (k,)
    sums : shape (n_channels, n_slices)
        Of each channel's samples, in its unit.
    n : shape (n_slices,)
        Captured samples.
    together
        Makes of a value per slice, shape (n_slices,), one per energy, shape (k,).

    Returns
    -------
    k numbers; None each if no channel states an uncertainty
        A channel that states none counts nothing.
    """
    found = [channel.probe.calibration for channel in channels]
    if not any(each.gain_uncertainty or each.offset_uncertainty for each in found):
        return [None] * energy_j.size
    captured = together(n.astype(np.float64))
    overall = (sums.sum(axis=1) / max(int(n.sum()), 1))[:, np.newaxis]
    means = np.broadcast_to(overall, (len(sums), energy_j.size)).copy()
    np.divide([together(row) for row in sums], captured, out=means, where=captured > 0)
    integrals = means * duration_s
    wiring = rails(channels)
    gains = [found[row].gain_uncertainty for row in wiring.powers]
    offsets = [found[row].offset_uncertainty * duration_s for row in wiring.powers]
    for voltage, current in wiring.pairs:
        u_v, u_i = found[voltage], found[current]
        gains.append(math.hypot(u_v.gain_uncertainty, u_i.gain_uncertainty))
        offsets.append(u_v.offset_uncertainty * integrals[current])
        offsets.append(u_i.offset_uncertainty * integrals[voltage])
    parts = np.asarray([max(gains) * energy_j, *offsets])
    shares: list[float] = np.sqrt(np.square(parts).sum(axis=0)).tolist()
    return shares
