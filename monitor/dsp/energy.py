"""Energy of slices of time, with dead time filled inside each stage and never across a marker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOBODY = -1
"""Owner of a slice in which no stage is running."""


@dataclass(frozen=True, slots=True)
class Slices:
    """Contiguous slices of time, each owned by one stage or by nobody."""

    edges: NDArray[np.int64]
    """Shape (n + 1,): sample indices."""
    owners: NDArray[np.int64]
    """Shape (n,): number of the stage, or NOBODY; neighbours differ."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the samples that each slice should have."""
        return np.diff(self.edges)


def cut(
    start: int,
    stop: int,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    depths: NDArray[np.int64],
) -> Slices:
    """Cut ``[start, stop)`` at the edges of stages.

    The deepest stage owns a slice; of equally deep ones the latest begun; of those the last.

    Parameters
    ----------
    starts, stops, depths : shape (n_stages,)
        Sample indices inside ``[start, stop]``.
    """
    edges = np.unique(np.concatenate(([start, stop], starts, stops)))
    owners = np.full(max(edges.size - 1, 0), NOBODY)
    first, last = np.searchsorted(edges, starts), np.searchsorted(edges, stops)
    for stage in np.lexsort((starts, depths)).tolist():
        owners[first[stage] : last[stage]] = stage
    new = np.append(True, np.diff(owners) != 0)[: owners.size]
    return Slices(np.append(edges[:-1][new], edges[-1]), owners[new])


def fill(
    slices: Slices,
    sums: NDArray[np.float64],
    n: NDArray[np.number],
    basis: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    parents: NDArray[np.int64],
    depths: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the sum over every slice, as if all its samples had been captured.

    Dead time has the mean of its slice's basis. A slice without a basis takes the mean of its
    stage's other slices; else of its parent, and so on; else of the neighbouring slices; else of
    what little was captured in it; else 0.

    Parameters
    ----------
    sums, n : shape (n_slices,)
        Of the captured samples.
    basis
        Sums and counts, likewise, of what may stand for the rest of the slice.
    parents, depths : shape (n_stages,)
        Number of the stage that each lies in, or NOBODY; that one is shallower by one.

    Returns
    -------
    shape (n_slices,)
    """
    means = _mean(*basis)
    empty = np.flatnonzero(basis[1] == 0)
    if empty.size:
        known = means.copy()
        means[empty] = _stage_means(slices, *basis, parents, depths)[slices.owners[empty]]
        left = empty[np.isnan(means[empty])]
        means[left] = _neighbours(left, known)
        means = np.where(np.isnan(means), _mean(sums, n), means)
    return sums + np.nan_to_num(means) * (slices.lengths - n)


def gather(
    owners: NDArray[np.int64], values: NDArray[np.float64], n_stages: int
) -> NDArray[np.float64]:
    """Return the sum of the slices of each stage, those of nobody last."""
    places = owners % (n_stages + 1)
    return np.bincount(places, weights=values, minlength=n_stages + 1).astype(np.float64)


def roll_up(
    own: NDArray[np.float64], parents: NDArray[np.int64], depths: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return what each stage has together with all that lies in it."""
    total = own.copy()
    for depth in range(int(depths.max(initial=0)), 0, -1):
        here = np.flatnonzero((depths == depth) & (parents != NOBODY))
        np.add.at(total, parents[here], total[here])
    return total


def _stage_means(
    slices: Slices,
    sums: NDArray[np.float64],
    n: NDArray[np.float64],
    parents: NDArray[np.int64],
    depths: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the mean of each stage; if it has none, of the first around it that has."""
    n_stages = parents.size
    own_sum = gather(slices.owners, sums, n_stages)
    own_n = gather(slices.owners, n, n_stages)
    means = _mean(own_sum, own_n)
    around = _mean(
        roll_up(own_sum[:n_stages], parents, depths), roll_up(own_n[:n_stages], parents, depths)
    )
    for depth in range(int(depths.max(initial=0)) + 1):
        here = np.flatnonzero((depths == depth) & (parents != NOBODY))
        lacking = here[np.isnan(around[here])]
        around[lacking] = around[parents[lacking]]
    lacking = np.flatnonzero(np.isnan(means[:n_stages]) & (parents != NOBODY))
    means[lacking] = around[parents[lacking]]
    return means


def _neighbours(places: NDArray[np.int64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the nearest known values on either side; NaN if there is none."""
    known = np.flatnonzero(~np.isnan(means))
    if not known.size:
        return np.full(places.size, np.nan)
    after = np.searchsorted(known, places)
    before_value = means[known[np.maximum(after - 1, 0)]]
    after_value = means[known[np.minimum(after, known.size - 1)]]
    return np.asarray((before_value + after_value) / 2, np.float64)


def _mean(sums: NDArray[np.float64], n: NDArray[np.number]) -> NDArray[np.float64]:
    means = np.full(sums.shape, np.nan)
    np.divide(sums, n, out=means, where=n > 0)
    return means
