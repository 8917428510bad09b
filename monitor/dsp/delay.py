"""How much later one channel shows an edge than another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LIKE = 0.5  # correlation below which the two are taken to show different things
_STEEP = 5.0  # times the usual change from sample to sample; a sine's steepest is 1.0
_STEPS = 6  # of the fit; it has come to rest after three
_FLOOR = 0.02  # samples: what interpolation between samples of an edge may be wrong
_SHARP = 2.0  # samples: an edge of fewer does not tell where between them it lies
_UNKNOWN = 1 / math.sqrt(6)  # samples: standard deviation of the difference of two such places


@dataclass(frozen=True, slots=True)
class Delay:
    """By how much a second channel is later than a first."""

    delay_s: float
    uncertainty_s: float
    """Standard (k = 1)."""
    likeness: float
    """Correlation of the two, shifted onto each other: 1 if they show the same edge."""
    n_records: int


def delay(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    sample_rate_hz: float,
    *,
    longest_s: float,
) -> Delay:
    """Return how much later the second channel shows what both show.

    To a sample, where the cross-correlation of their changes is largest; from there the shifted
    and scaled first is fitted to the second by least squares, which also gives the uncertainty;
    of edges from one sample to the next that is at least what is not known between the two. The
    second may fall where the first rises.

    Parameters
    ----------
    first, second : shape (n_samples,)
        One record, with one or more edges that are steep against the record's length.
    longest_s
        How far is searched, to both sides.

    Raises
    ------
    ValueError
        If there is no edge, or no common one.
    """
    x, y = (np.asarray(row, np.float64) - np.mean(row) for row in (first, second))
    change = np.diff(x)
    if not np.any(change) or not np.any(np.diff(y)):
        raise ValueError("a channel does not change at all")
    if not np.any(_edges(change)):
        raise ValueError(
            "there is no edge: the first channel changes all the time, as a sine or noise does"
        )
    floor = _UNKNOWN if _width(change) < _SHARP else _FLOOR
    most = min(math.ceil(longest_s * sample_rate_hz), x.size // 4)
    at = _roughly(change, np.diff(y), max(most, 1))
    uncertain = math.nan
    for _ in range(_STEPS):
        shifted = _shifted(x, at)
        inside = slice(math.ceil(abs(at)) + 1, x.size - math.ceil(abs(at)) - 1)
        a, b = (row[inside] - row[inside].mean() for row in (shifted, y))
        factor = float(a @ b / (a @ a))
        likeness = abs(factor) * math.sqrt(float(a @ a) / float(b @ b))
        if likeness < _LIKE:
            raise ValueError(
                f"the two channels show different things: their correlation is {likeness:.2f},"
                f" expected {_LIKE} or more"
            )
        slope, rest = factor * _edges(np.gradient(a)), b - factor * a
        weight = float(slope @ slope)
        at -= float(np.clip(slope @ rest / weight, -1.0, 1.0))
        uncertain = math.hypot(float(np.std(rest)) / math.sqrt(weight), floor)
    return Delay(at / sample_rate_hz, uncertain / sample_rate_hz, likeness, 1)


def mean_delay(delays: Sequence[Delay]) -> Delay:
    """Return the mean of several records' delays; if they scatter more than stated, that counts.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not delays:
        raise ValueError("no record has an edge")
    values = np.asarray([each.delay_s for each in delays])
    stated = max(each.uncertainty_s for each in delays)
    scatter = float(values.std(ddof=1)) / math.sqrt(values.size) if values.size > 1 else 0.0
    return Delay(
        float(values.mean()),
        max(stated / math.sqrt(values.size), scatter),
        min(each.likeness for each in delays),
        values.size,
    )


def _roughly(first: NDArray[np.float64], second: NDArray[np.float64], most: int) -> float:
    """Return the shift, in whole samples, at which a correlation is highest or lowest."""
    n = 1 << math.ceil(math.log2(2 * first.size))
    correlation = np.fft.irfft(np.conj(np.fft.rfft(first, n)) * np.fft.rfft(second, n), n)
    lags = np.arange(-most, most + 1)
    return float(lags[np.argmax(np.abs(correlation[lags]))])


def _shifted(values: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """Return samples that come ``by`` samples later, between samples by straight lines."""
    places = np.arange(values.size)
    return np.asarray(np.interp(places - by, places, values), np.float64)


def _edges(slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a slope without its noise: 0 where it is not far above what is usual."""
    usual = 1.4826 * float(np.median(np.abs(slope)))  # the standard deviation, of normal noise
    return np.where(np.abs(slope) > _STEEP * usual, slope, 0.0)


def _width(change: NDArray[np.float64]) -> float:
    """Return over how many samples an edge goes, on average."""
    edges = _edges(change)
    steps = np.square(edges)
    n_edges = np.count_nonzero(np.diff((edges != 0).astype(np.int8), prepend=np.int8(0)) > 0)
    return float(np.square(steps.sum()) / np.square(steps).sum() / n_edges)
