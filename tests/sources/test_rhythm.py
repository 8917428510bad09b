"""How long a scope is left alone before it is armed again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.rhythm import Rhythm

seconds = st.floats(0.0, 100.0)


@given(st.floats(0.0, 1.0), st.lists(st.tuples(seconds, seconds), min_size=1, max_size=10))
def test_a_wait_is_no_longer_than_the_dead_time_nor_than_a_tenth_of_a_record(share, records):
    rhythm, waited_s = Rhythm(lambda: share), 0.0
    for duration_s, dead_s in records:
        waited_s = rhythm.wait_s(duration_s, dead_s + waited_s)
        assert waited_s == pytest.approx(share * min(0.1 * duration_s, dead_s), abs=1e-9)


def test_without_dead_time_nothing_is_waited_for():
    assert Rhythm(lambda: 1.0).wait_s(0.5, 0.0) == 0.0


def test_a_wait_does_not_lengthen_the_next():
    rhythm = Rhythm(lambda: 1.0)
    waits_s, gap_s = [], 0.002
    for _ in range(20):
        waits_s.append(rhythm.wait_s(0.5, gap_s))
        gap_s = 0.002 + waits_s[-1]
    assert waits_s == pytest.approx([0.002] * 20)


def test_the_wait_differs_from_record_to_record():
    shares = iter((0.1, 0.9, 0.5))
    rhythm = Rhythm(lambda: next(shares))
    assert [rhythm.wait_s(1.0, 100.0) for _ in range(3)] == pytest.approx([0.01, 0.09, 0.05])
