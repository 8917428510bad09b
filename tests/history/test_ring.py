from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import CHANNELS

from monitor.history.ring import Ring
from monitor.model import Block, Scale

SCALES = [(Scale(1.0, 0.0), Scale(1.0, 0.0)), (Scale(0.5, -1.0), Scale(2.0, 3.0))]


def block(start, n, scales=SCALES[0]):
    """Samples that tell their own index."""
    index = np.arange(start, start + n)
    return Block(start, np.stack((index % 101, index % 97)).astype(np.int16), scales, (0, 0), 0, 0)


steps = st.lists(
    st.tuples(st.just(0) | st.integers(0, 60), st.integers(0, 80), st.sampled_from(SCALES)),
    max_size=20,
)


@settings(max_examples=100)
@given(steps, st.integers(1, 100), st.data())
def test_the_ring_equals_a_dictionary(steps, capacity, data):
    ring, model, stop = Ring(CHANNELS, "int16", capacity), {}, 5
    for gap, n, scales in steps:
        ring.append(block(stop + gap, n, scales))
        for k in range(stop + gap, stop + gap + n):
            v = scales[0].gain * (k % 101) + scales[0].offset
            i = scales[1].gain * (k % 97) + scales[1].offset
            model[k] = (v, i, v * i)
        stop = stop + gap + n if n else stop
    start = data.draw(st.integers(-10, stop + 10))
    end = data.draw(st.integers(start, stop + 20))
    found = ring.read(start, end)
    assert found.shape == (3, end - start)
    for k in range(start, end):
        kept = stop - capacity <= k < stop
        expected = model.get(k) if kept else None
        if expected is None:
            assert np.isnan(found[:, k - start]).all()
        else:
            assert found[:, k - start].tolist() == pytest.approx(expected, rel=1e-6)


def test_thousands_of_short_records_do_not_pile_up():
    ring = Ring(CHANNELS, "int16", 100)
    for k in range(10_000):
        ring.append(block(20 * k, 10))
    assert len(ring._runs) < 2000
    found = ring.read(199_900, 200_000)
    assert np.isnan(found[0]).tolist() == ([False] * 10 + [True] * 10) * 5


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (block(99, 10), "from index 99 overlaps those up to 100"),
        (Block(100, np.zeros((2, 5), np.int8), SCALES[0], (0, 0), 0, 0), "2 of int8"),
        (Block(100, np.zeros((3, 5), np.int16), SCALES[0], (0, 0), 0, 0), "3 of int16"),
    ],
)
def test_a_block_that_does_not_follow_is_refused_and_changes_nothing(bad, message):
    ring = Ring(CHANNELS, "int16", 200)
    ring.append(block(0, 100))
    before = ring.read(0, 200)
    with pytest.raises(ValueError, match=message):
        ring.append(bad)
    assert np.array_equal(before, ring.read(0, 200), equal_nan=True)


@settings(max_examples=60)
@given(steps, st.integers(1, 100), st.data())
def test_the_blocks_of_the_past_are_what_is_read(steps, capacity, data):
    ring, stop = Ring(CHANNELS, "int16", capacity), 5
    for gap, n, scales in steps:
        clipped = (1, 2) if n % 3 == 0 else (0, 0)
        ring.append(replace(block(stop + gap, n, scales), clipped=clipped))
        stop += gap + n if n else 0
    start = data.draw(st.integers(-10, stop + 10))
    end = data.draw(st.integers(start, stop + 20))
    found = np.full((3, end - start), np.nan, np.float32)
    seen = start
    for past in ring.blocks(start, end):
        assert seen <= past.start < past.stop <= end
        seen = past.stop
        again = Ring(CHANNELS, "int16", past.n_samples)
        again.append(past)
        found[:, past.start - start : past.stop - start] = again.read(past.start, past.stop)
    np.testing.assert_array_equal(found, ring.read(start, end))


def test_what_was_clipped_is_counted_where_its_block_began():
    ring = Ring(CHANNELS, "int16", 100)
    for start, clipped in ((0, (1, 0)), (10, (0, 0)), (20, (2, 3))):
        ring.append(replace(block(start, 10), clipped=clipped))
    assert [past.clipped for past in ring.blocks(0, 30)] == [(3, 3)]
    assert [past.clipped for past in ring.blocks(1, 20)] == [(0, 0)]
