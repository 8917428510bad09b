"""What holds over intervals goes onto an even grid with its energy kept, and gaps stay gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import NS
from monitor.sources.meters.grid import Grid

ZERO_NS = 1_700_000_000 * NS
RATE_HZ = 100.0
STEPS = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 25), st.floats(0.0, 1000.0)),
    min_size=1, max_size=12,
)  # fmt: skip


def at(milliseconds):
    return ZERO_NS + milliseconds * 1_000_000


def intervals(steps):
    """Yield begin, end and value: each after a gap of some milliseconds."""
    now = 0
    for length, gap, value in steps:
        yield now + gap, now + gap + length, value
        now += gap + length


def held(steps):
    """Return the cells as a dict, from as many calls as there are steps."""
    grid = Grid(RATE_HZ, ZERO_NS, 1)
    cells = {}
    for begin, end, value in intervals(steps):
        start, samples = grid.hold(at(begin), at(end), np.array([value]))
        for cell, sample in enumerate(samples[0], start):
            assert cell not in cells
            cells[cell] = sample
    return cells


@given(STEPS)
def test_a_cell_is_the_mean_of_its_milliseconds_and_is_there_only_if_all_are_known(steps):
    values = {}
    for begin, end, value in intervals(steps):
        values |= dict.fromkeys(range(begin, end), value)
    whole = {
        cell: np.mean([values[cell * 10 + k] for k in range(10)])
        for cell in range(max(values) // 10 + 1)
        if all(cell * 10 + k in values for k in range(10))
    }
    assert held(steps) == pytest.approx(whole, rel=1e-6, abs=1e-6)


@given(STEPS, st.integers(1, 39))
def test_where_an_interval_is_cut_changes_nothing(steps, cut):
    whole = [(length + 40, 0, value) for length, _, value in steps]
    parts = [
        part for length, _, value in whole for part in ((cut, 0, value), (length - cut, 0, value))
    ]
    assert held(parts) == pytest.approx(held(whole), rel=1e-6, abs=1e-6)


def test_what_lies_before_the_stream_is_cut_off():
    start, samples = Grid(RATE_HZ, ZERO_NS, 1).hold(at(-500), at(30), np.array([7.0]))
    assert start == 0
    np.testing.assert_allclose(samples, [[7.0, 7.0, 7.0]])


def test_a_time_that_was_taken_is_not_taken_again():
    grid = Grid(RATE_HZ, ZERO_NS, 1)
    grid.hold(at(0), at(20), np.array([1.0]))
    start, samples = grid.hold(at(0), at(40), np.array([5.0]))
    assert start == 2
    np.testing.assert_allclose(samples, [[5.0, 5.0]])
    assert grid.stop_ns == at(40)
