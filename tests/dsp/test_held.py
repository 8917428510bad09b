"""Readings held back to the one before, against plain lists."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dsp.held import REACH, Held
from monitor.model import NS, SlowChannel

PLUG = SlowChannel(name="plug", source="test", unit="W", interval_s=1.0)
MEAN = SlowChannel(name="mean", source="test", unit="W", interval_s=1.0, window_s=0.4)

readings = st.lists(
    st.tuples(st.integers(0, 300), st.integers(-50, 50)), max_size=40, unique_by=lambda r: r[0]
)
"""Tenths of a second, and watts."""


def held(found, channel=PLUG, errors=(), **options):
    kept = Held(channel, **options)
    for tenth in errors:
        kept.interrupt(tenth * NS // 10)
    for tenth, value in found:
        kept.add(tenth * NS // 10, float(value))
    return kept


def steps(found, channel=PLUG, errors=()):
    """(start, stop, value) in tenths of a second, one reading at a time."""
    back = (channel.window_s or channel.interval_s) * 10
    out, before = [], None
    for tenth, value in sorted(found):
        interrupted = any(before is not None and before < e <= tenth for e in errors)
        near = before is not None and tenth - before <= REACH * channel.interval_s * 10
        if near and not interrupted:
            start = before
        else:
            start = max(tenth - back, -math.inf if before is None else before)
        out.append((start, tenth, value))
        before = tenth
    return out


@pytest.mark.parametrize("channel", [PLUG, MEAN])
@given(found=readings, at=st.lists(st.integers(-30, 330), min_size=1, max_size=5))
def test_what_was_used_is_the_sum_of_the_steps(channel, found, at):
    sums, seconds = held(found, channel).cumulative([t * NS // 10 for t in at])
    for t, joules, covered in zip(at, sums, seconds, strict=True):
        pieces = [(max(min(t, b) - a, 0) / 10, v) for a, b, v in steps(found, channel)]
        assert covered == pytest.approx(sum(s for s, _ in pieces), abs=1e-9)
        assert joules == pytest.approx(sum(s * v for s, v in pieces), abs=1e-6)


error_times = st.lists(st.integers(0, 300), max_size=5)


@pytest.mark.parametrize("channel", [PLUG, MEAN])
@given(
    found=readings,
    errors=error_times,
    later=error_times,
    at=st.lists(st.integers(-30, 330), min_size=1, max_size=5),
)
def test_nothing_is_held_across_an_error_value_whenever_it_is_told(
    channel, found, errors, later, at
):
    kept = held(found, channel, errors)
    for tenth in later:
        kept.interrupt(tenth * NS // 10)
    sums, seconds = kept.cumulative([t * NS // 10 for t in at])
    for t, joules, covered in zip(at, sums, seconds, strict=True):
        known = steps(found, channel, [*errors, *later])
        pieces = [(max(min(t, b) - a, 0) / 10, v) for a, b, v in known]
        assert covered == pytest.approx(sum(s for s, _ in pieces), abs=1e-9)
        assert joules == pytest.approx(sum(s * v for s, v in pieces), abs=1e-6)


def test_an_error_value_is_a_gap_of_its_own_interval():
    kept = held([(0, 10), (10, 10), (30, 40), (40, 40)], errors=[21])
    sums, seconds = kept.cumulative([10 * NS // 10, 4 * NS])
    assert (sums[1] - sums[0], seconds[1] - seconds[0]) == (80.0, 2.0)


@given(found=readings, order=st.randoms())
def test_the_order_of_arrival_changes_nothing(found, order):
    mixed = [*found, *found[:5]]
    order.shuffle(mixed)
    ours, theirs = held(mixed), held(sorted(found))
    at = np.arange(-30, 330) * (NS // 10)
    np.testing.assert_allclose(ours.cumulative(at), theirs.cumulative(at), atol=1e-9)
    at_once = Held(PLUG)
    at_once.extend(
        np.array([t * NS // 10 for t, _ in mixed], np.int64),
        np.array([float(v) for _, v in mixed]),
    )
    np.testing.assert_allclose(at_once.cumulative(at), theirs.cumulative(at), atol=1e-9)
    assert (at_once.newest, len(at_once)) == (theirs.newest, len(theirs))


@given(found=readings, start=st.integers(-30, 300), span=st.integers(1, 300))
def test_a_view_shows_every_step_that_lies_in_it(found, start, span):
    view = held(found).view(start * NS // 10, (start + span) * NS // 10, 1000)
    expected = [s for s in steps(found) if s[1] > start and s[0] < start + span]
    got = zip(view.starts_ns, view.stops_ns, view.low, view.high, strict=True)
    assert [(a * 10 / NS, b * 10 / NS, low) for a, b, low, _ in got] == expected
    assert np.array_equal(view.low, view.high)


@given(found=readings.filter(lambda r: len(r) > 1), n=st.integers(1, 10))
def test_a_view_of_fewer_columns_than_readings_keeps_the_extremes(found, n):
    view = held(found).view(0, 30 * NS, n)
    inside = [s for s in steps(found) if s[1] > 0 and s[0] < 300]
    if len(inside) <= n:
        assert len(view.low) == len(inside)
        return
    assert len(view.low) <= n
    for a, b, low, high in zip(view.starts_ns, view.stops_ns, view.low, view.high, strict=True):
        over = [v for x, y, v in inside if y * NS // 10 > a and x * NS // 10 < b]
        assert (low, high) == (min(over), max(over))
    assert (min(view.low), max(view.high)) == (
        min(v for *_, v in inside),
        max(v for *_, v in inside),
    )


@given(found=readings, capacity=st.integers(1, 12))
def test_a_bounded_memory_knows_the_newest_exactly_and_says_what_it_forgot(found, capacity):
    found = sorted(found)
    bounded, whole = held(found, capacity=capacity), held(found)
    assert len(bounded) == min(len(found), capacity)
    assert bounded.newest == whole.newest
    at = np.arange(-30, 330) * (NS // 10)
    kept = at >= (found[-capacity - 1][0] * NS // 10 if len(found) > capacity else at[0])
    ours, theirs = np.stack(bounded.cumulative(at)), np.stack(whole.cumulative(at))
    np.testing.assert_allclose(ours[:, kept], theirs[:, kept], atol=1e-9)
    assert np.isnan(ours[:, ~kept]).all()


def test_a_long_session_keeps_a_bounded_memory():
    bounded = Held(PLUG, capacity=100)
    for k in range(5000):
        assert bounded.add(k * NS, float(k))
    assert len(bounded) == 100
    assert len(bounded._times) <= 512
    assert not bounded.add(0, 1.0), "it is older than what is remembered"
    times, values = bounded.read(4990 * NS, 4993 * NS)
    assert times.tolist() == [k * NS for k in (4990, 4991, 4992)]
    assert values.tolist() == [4990.0, 4991.0, 4992.0]


def test_over_a_long_silence_nothing_is_held():
    kept = held([(0, 100), (10, 100), (80, 300)])
    view = kept.view(0, 9 * NS, 100)
    assert view.starts_ns.tolist() == [0, 7 * NS]
    assert view.stops_ns.tolist() == [NS, 8 * NS]
    sums, seconds = kept.cumulative([NS, 7 * NS, 8 * NS])
    assert np.diff(sums).tolist() == [0.0, 300.0]
    assert np.diff(seconds).tolist() == [0.0, 1.0]


def test_the_newest_at_a_time_is_told():
    kept = held([(10, 1), (20, 2)])
    assert kept.at(0) is None
    assert kept.at(NS) == (NS, 1.0)
    assert kept.at(2 * NS - 1) == (NS, 1.0)
    assert kept.at(9 * NS) == (2 * NS, 2.0)
    assert Held(PLUG).newest is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_no_reading(value):
    with pytest.raises(ValueError, match="plug is"):
        Held(PLUG).add(0, value)
