"""Ranges of rows are reduced to what each of them holds by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dsp.reduced import reduced

N = 20


@st.composite
def ranges(draw):
    """Return ranges of which none is empty; they may touch, overlap, and leave some out."""
    found = draw(
        st.lists(st.tuples(st.integers(0, N - 1), st.integers(1, N)), min_size=1, max_size=12)
    )
    found = sorted((min(a, b - 1), max(a + 1, b)) for a, b in found)
    ends = np.maximum.accumulate([b for _, b in found])
    return np.array([a for a, _ in found]), ends


@pytest.mark.parametrize("how", [np.minimum, np.maximum, np.fmin, np.fmax])
@given(ranges=ranges(), n_nan=st.integers(0, N))
def test_each_is_that_of_its_values(how, ranges, n_nan):
    rows = np.random.default_rng(n_nan).normal(size=(3, N))
    rows[1, :n_nan] = np.nan
    firsts, lasts = ranges
    expected = [how.reduce(rows[:, a:b], axis=1) for a, b in zip(firsts, lasts, strict=True)]
    assert np.array_equal(reduced(how, rows, firsts, lasts), np.transpose(expected), equal_nan=True)
    assert np.array_equal(
        reduced(how, rows[1], firsts, lasts), np.transpose(expected)[1], equal_nan=True
    )


def test_what_touches_is_cut_where_it_does():
    cuts = np.array([0, 3, 7, N])
    rows = np.arange(float(N))[np.newaxis]
    assert reduced(np.maximum, rows, cuts[:-1], cuts[1:]).tolist() == [[2.0, 6.0, N - 1.0]]
