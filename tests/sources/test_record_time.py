"""When a record began, as far as the host can tell; and where it lies on the sample index."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.errors import ProtocolError
from monitor.model import NS
from monitor.sources.record_time import HostTime, Placer, Sightings, host_time

MS = 1_000_000
T0_NS = 1_700_000_000 * NS


def holds(time: HostTime, true_ns: int) -> bool:
    return abs(time.ns - true_ns) <= time.uncertainty_ns


def watch(done: int, trip: int, poll: int) -> Sightings:
    """Return what a host sees that arms at 0 and asks every ``trip + poll``.

    The instrument acts in the middle of each round trip.
    """
    n_running = max(0, -(-(done - trip // 2) // (trip + poll)))
    last = n_running * (trip + poll)
    return Sightings(0, trip, last - trip - poll if n_running else None, last + trip)


@given(
    trip=st.integers(1, 5 * MS),
    poll=st.integers(0, 20 * MS),
    duration=st.integers(1, 1000 * MS),
    latency=st.integers(0, 50 * MS),
    work=st.integers(0, 100 * MS),
)
def test_the_interval_holds_the_true_start_of_a_record_that_was_armed(
    trip, poll, duration, latency, work
):
    begun = trip // 2 + latency
    seen = watch(begun + duration + work, trip, poll)
    assert holds(host_time(seen, duration, is_continuous=False), begun)


@given(
    early=st.integers(-5 * MS, 99 * MS),
    trip=st.integers(1, 2 * MS),
    poll=st.integers(0, 10 * MS),
)
def test_the_interval_holds_the_true_start_of_a_record_that_was_already_running(early, trip, poll):
    duration = 100 * MS
    seen = watch(duration - early, trip, poll)
    assume(seen.running_sent_ns is not None)
    time = host_time(seen, duration, is_continuous=True)
    assert not time.is_buffered
    assert holds(time, -early)


def test_a_record_that_was_done_before_it_was_asked_for_has_no_known_start():
    time = host_time(Sightings(0, MS, None, MS), 100 * MS, is_continuous=True)
    assert time.is_buffered
    assert time.ns == -99 * MS


def test_a_record_shorter_than_a_query_lies_within_the_query():
    time = host_time(Sightings(0, 2 * MS, None, 2 * MS), MS, is_continuous=False)
    assert (time.ns, time.uncertainty_ns) == (MS // 2, MS // 2)


def test_arming_and_end_together_say_more_than_one_alone():
    time = host_time(Sightings(0, 3 * MS, 101 * MS, 102 * MS), 100 * MS, is_continuous=False)
    assert time.ns == 1.5 * MS


def test_a_scope_whose_clock_is_a_little_fast_is_no_contradiction():
    time = host_time(Sightings(0, MS, 99 * MS, 100 * MS - 50), 100 * MS, is_continuous=False)
    assert (time.ns, time.uncertainty_ns) == (0, 0)


def test_a_scope_that_works_on_its_record_is_believed_to_have_begun_at_once():
    time = host_time(Sightings(0, 2 * MS, 120 * MS, 121 * MS), 100 * MS, is_continuous=False)
    assert time.ns == MS
    assert time.ns + time.uncertainty_ns == 21 * MS


def at(index: float, uncertainty_ns: int = 0, *, is_buffered: bool = False) -> HostTime:
    """Return the host's time of a sample at 1 kHz."""
    return HostTime(T0_NS + round(index * MS), uncertainty_ns, is_buffered)


def test_without_a_clock_of_its_own_an_instrument_is_placed_by_the_host():
    placer = Placer(1000.0, T0_NS)
    assert [placer.place(at(i), 100, None).start for i in (0, 130.4, 259.6)] == [0, 130, 260]


def test_records_never_overlap():
    placer = Placer(1000.0, T0_NS)
    assert [placer.place(at(i), 100, None).start for i in (0, 99, 150)] == [0, 100, 200]


def test_an_instrument_with_a_clock_is_placed_by_it_and_the_host_is_asked_once():
    placer = Placer(1000.0, T0_NS)
    places = [
        placer.place(at(i, 60 * MS), 100, tag)
        for i, tag in ((0, 7.0), (103, 7.1), (250, 7.2), (300, 7.35))
    ]
    assert [place.start for place in places] == [0, 100, 200, 350]


@given(st.integers(0, 10**9), st.sampled_from([1e3, 48e3, 1e6]))
def test_a_gap_free_instrument_stays_gap_free_for_ever(first, rate_hz):
    placer = Placer(rate_hz, T0_NS)
    starts = [
        placer.place(
            HostTime(T0_NS + round(k * 1000 / rate_hz * NS), 0), 1000, (first + k * 1000) / rate_hz
        ).start
        for k in range(20)
    ]
    assert starts == list(range(0, 20_000, 1000))


def test_a_clock_that_runs_backwards_is_refused():
    placer = Placer(1000.0, T0_NS)
    placer.place(at(0), 100, 7.0)
    with pytest.raises(ProtocolError, match="ran backwards"):
        placer.place(at(100), 100, 6.0)


@pytest.mark.parametrize("jump_s", [60.0, 0.02])
def test_a_clock_that_was_set_is_refused(jump_s):
    placer = Placer(1000.0, T0_NS)
    placer.place(at(0, 5 * MS), 100, 7.0)
    placer.place(at(104, 5 * MS), 100, 7.1)
    with pytest.raises(ProtocolError, match="clock was set"):
        placer.place(at(204, 5 * MS), 100, 7.2 + jump_s)


def test_a_record_that_waited_in_the_instrument_may_have_begun_earlier_but_not_later():
    placer = Placer(1000.0, T0_NS)
    placer.place(at(0), 100, 7.0)
    assert placer.place(at(5000, is_buffered=True), 100, 7.1).start == 100
    with pytest.raises(ProtocolError, match="clock was set"):
        placer.place(at(5100, is_buffered=True), 100, 67.2)


def test_after_a_restart_the_host_says_where_the_instrument_goes_on():
    placer = Placer(1000.0, T0_NS)
    placer.place(at(0), 100, 7.0)
    placer.restart()
    assert placer.place(at(5000), 100, 0.0).start == 5000
    assert placer.place(at(5100), 100, 0.1).start == 5100


def test_a_buffered_record_takes_its_time_from_the_one_before():
    placer = Placer(1000.0, T0_NS)
    placer.place(at(0, 500), 100, 7.0)
    time = placer.place(at(180, is_buffered=True), 100, 7.1).time
    assert time.ns == at(100).ns
    assert time.uncertainty_ns == 500 + 10_000
