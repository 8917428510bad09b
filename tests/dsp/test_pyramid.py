from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import Stream, gapped

from monitor.dsp.envelope import column_edges, envelope
from monitor.dsp.pyramid import Pyramid, hop_for
from monitor.dsp.ranges import extremes, totals_at

ANY = settings(max_examples=60)
hops = st.sampled_from([1, 2, 4, 32])


def pyramid_of(stream, cuts, hop, capacity=None):
    pyramid = Pyramid(3, hop, capacity or stream.rows.shape[1])
    for start, rows in stream.blocks(cuts):
        for k in range(0, rows.shape[1], pyramid.capacity):
            pyramid.append(start + k, rows[:, k : k + pyramid.capacity])
    return pyramid


@pytest.mark.parametrize(
    ("rate_hz", "hop"), [(1, 1), (3999, 1), (4000, 2), (1e4, 4), (1e5, 32), (1e6, 128), (1e9, 128)]
)
def test_a_bin_is_a_quarter_to_half_a_millisecond(rate_hz, hop):
    assert hop_for(rate_hz) == hop


@ANY
@given(gapped(), hops, st.data())
def test_totals_are_those_of_the_samples(case, hop, data):
    stream, cuts = case
    pyramid = pyramid_of(stream, cuts, hop)
    indices = data.draw(st.lists(st.integers(-100, stream.stop + 100), max_size=40))
    found = totals_at(pyramid, np.asarray(indices, np.int64), stream.read)
    for at, totals in zip(indices, found.T, strict=True):
        before = stream.rows[:, : max(0, at - stream.first)].astype(np.float64)
        expected = [
            *np.nansum(before, axis=1),
            *np.nansum(before**2, axis=1),
            np.count_nonzero(~np.isnan(before[-1])),
        ]
        assert totals == pytest.approx(expected, rel=1e-9, abs=1e-7)


@ANY
@given(gapped(), hops, st.data())
def test_extremes_of_any_range_are_those_of_the_samples(case, hop, data):
    stream, cuts = case
    pyramid = pyramid_of(stream, cuts, hop)
    place = st.integers(stream.first - 50, stream.stop + 50)
    start, stop = sorted((data.draw(place), data.draw(place)))
    low, high = extremes(pyramid, start, stop, stream.read)
    samples = stream.read(start, stop)
    assert low.tolist() == np.fmin.reduce(samples, axis=1, initial=np.inf).tolist()
    assert high.tolist() == np.fmax.reduce(samples, axis=1, initial=-np.inf).tolist()


@ANY
@given(gapped(), hops, st.integers(1, 50), st.data())
def test_the_envelope_keeps_the_extremes_of_every_column(case, hop, n_columns, data):
    stream, cuts = case
    place = st.integers(stream.first - 500, stream.stop + 500)
    start, stop = sorted((data.draw(place), data.draw(place)))
    stop += start == stop
    edges, low, high = envelope(pyramid_of(stream, cuts, hop), start, stop, n_columns, stream.read)
    assert edges[0] == start
    assert edges[-1] == stop
    assert len(edges) == 1 + min(n_columns, stop - start)
    assert np.all(np.diff(edges) > 0), "every sample falls in exactly one column"
    for k, (a, b) in enumerate(pairwise(edges.tolist())):
        column = stream.read(a, b)
        assert np.array_equal(low[:, k], np.fmin.reduce(column, axis=1), equal_nan=True)
        assert np.array_equal(high[:, k], np.fmax.reduce(column, axis=1), equal_nan=True)


def test_a_single_peak_is_seen_at_every_zoom():
    rows = np.zeros((3, 1_000_000), np.float32)
    rows[2, 123_456] = 77.0
    stream = Stream(rows)
    pyramid = pyramid_of(stream, [], 32)
    for span in (10, 1000, 20_000, 300_000, 1_000_000):
        start = max(0, 123_456 - span // 3)
        edges, _, high = envelope(pyramid, start, start + span, 777, stream.read)
        column = np.flatnonzero(high[2] == 77.0)
        assert column.size == 1
        assert edges[column[0]] <= 123_456 < edges[column[0] + 1]


@pytest.mark.parametrize(("start", "stop", "n_columns"), [(5, 5, 10), (6, 5, 10), (0, 5, 0)])
def test_an_envelope_of_nothing_is_refused(start, stop, n_columns):
    stream = Stream(np.ones((3, 10), np.float32))
    with pytest.raises(ValueError, match="nothing to draw"):
        envelope(pyramid_of(stream, [], 1), start, stop, n_columns, stream.read)


@ANY
@given(gapped(), hops, st.integers(1, 500))
def test_what_is_forgotten_leaves_the_rest_exact(case, hop, capacity):
    stream, cuts = case
    pyramid = pyramid_of(stream, cuts, hop, capacity)
    start, stop = pyramid.start, pyramid.stop
    assert stop == stream.stop
    assert start <= max(stream.first, stop - capacity)
    low, high = extremes(pyramid, start, stop, stream.read)
    samples = stream.read(start, stop)
    assert low.tolist() == np.fmin.reduce(samples, axis=1, initial=np.inf).tolist()
    assert high.tolist() == np.fmax.reduce(samples, axis=1, initial=-np.inf).tolist()
    totals = totals_at(pyramid, np.asarray([start, stop]), stream.read)
    assert np.diff(totals[:3])[:, 0] == pytest.approx(
        np.nansum(samples.astype(np.float64), axis=1), rel=1e-9, abs=1e-6
    )
    _, low, high = envelope(pyramid, start - 100, stop + 100, 7, stream.read)
    assert np.nanmin(low) == np.nanmin(samples)
    assert np.nanmax(high) == np.nanmax(samples)


def test_samples_that_overlap_are_refused_by_both_indices():
    pyramid = Pyramid(1, 4, 100)
    pyramid.append(10, np.ones((1, 10), np.float32))
    with pytest.raises(ValueError, match="from index 19 overlap those up to 20"):
        pyramid.append(19, np.ones((1, 1), np.float32))
    pyramid.append(20, np.ones((1, 1), np.float32))
    assert (pyramid.start, pyramid.stop, pyramid.n_samples) == (10, 21, 11)


def test_more_than_fits_at_once_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Pyramid(1, 4, 100).append(0, np.ones((1, 105), np.float32))


def test_a_gap_longer_than_the_memory_forgets_everything_before():
    pyramid = Pyramid(1, 4, 64)
    pyramid.append(0, np.full((1, 64), 9.0, np.float32))
    pyramid.append(10**12, np.full((1, 3), 1.0, np.float32))
    nothing = Stream(np.full((1, 3), 1.0, np.float32), 10**12)
    low, high = extremes(pyramid, 0, 10**13, nothing.read)
    assert (low[0], high[0]) == (1.0, 1.0)
    totals = totals_at(pyramid, np.asarray([10**12, 10**12 + 2, 10**13]), nothing.read)
    assert totals.tolist() == [[576, 578, 579], [64 * 81, 64 * 81 + 2, 64 * 81 + 3], [64, 66, 67]]


@given(st.integers(-(2**60), 2**60), st.integers(1, 2**60), st.integers(1, 4000))
def test_columns_are_even_however_long_they_are(start, span, n_columns):
    edges = column_edges(start, start + span, n_columns)
    n = min(n_columns, span)
    assert edges.tolist() == [start + k * span // n for k in range(n + 1)]
