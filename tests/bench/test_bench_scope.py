"""The scope against a clock that jumps."""

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope, indices, readings
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.scope.panel import ScopeSettings
from monitor.errors import ConfigError


def acquire(scope, clock):
    scope.single()
    while scope.running:
        clock.jump(max(scope.wait_s(), 1e-9))
    return scope.record


def test_a_record_is_done_when_its_time_and_the_dead_time_have_passed():
    clock = Clock()
    scope = counting_scope(clock, dead_time_s=0.03, trigger_latency_s=0.002)
    clock.jump(1.0)
    scope.single()
    assert scope.wait_s() == pytest.approx(0.132)
    clock.jump(0.1319)
    assert scope.running
    assert scope.record is None
    clock.jump(0.0001)
    assert not scope.running
    assert (scope.record.start, scope.record.n) == (10_020, 1000)


def test_a_record_holds_the_samples_of_its_time_on_every_input():
    clock = Clock()
    scope = counting_scope(clock)
    clock.jump(0.7)
    record = acquire(scope, clock)
    expected = np.arange(record.start, record.start + record.n) % 10_000
    np.testing.assert_array_equal(indices(scope, record), expected)


def test_an_open_input_shows_only_noise():
    clock = Clock()
    scope = counting_scope(clock)
    channel = scope.panel.channels[3]
    channel.display, channel.range = True, 0.02
    values = readings(scope, acquire(scope, clock), 3)
    assert abs(values.mean()) < 1e-4
    assert values.std() == pytest.approx(0.5e-3, rel=0.2)


def test_ac_coupling_takes_the_mean_away():
    clock = Clock()
    scope = counting_scope(clock)
    scope.panel.channels[0].coupling = "AC"
    scope.panel.channels[0].offset = 0.0
    assert abs(readings(scope, acquire(scope, clock), 0).mean()) < 0.01


def test_a_wrong_probe_factor_scales_the_reading():
    clock = Clock()
    scope = counting_scope(clock)
    scope.panel.channels[1].attach(1.0)
    record = acquire(scope, clock)
    amps = np.arange(record.start, record.start + record.n) // 100 % 100
    np.testing.assert_allclose(readings(scope, record, 1), 0.1 * amps, atol=0.01)


def test_changing_a_setting_leaves_the_record_that_was_taken_alone():
    clock = Clock()
    scope = counting_scope(clock)
    record = acquire(scope, clock)
    before = readings(scope, record, 0)
    scope.panel.channels[0].range = 1.0
    np.testing.assert_array_equal(readings(scope, record, 0), before)


def test_dead_time_lies_between_records_and_is_told():
    clock, handed = Clock(), []
    scope = counting_scope(clock, handed.append, dead_time_s=0.02, trigger_latency_s=0.001)
    for _ in range(3):
        indices(scope, acquire(scope, clock))
    assert scope.truth == [(10, 1000), (1220, 1000), (2430, 1000)]
    assert [item.lost for item in handed] == [0, 210, 210]


@given(st.lists(st.floats(0.0, 3.0), min_size=2, max_size=20))
def test_a_gap_free_scope_hands_out_every_sample_once(pauses):
    clock = Clock()
    scope = counting_scope(clock, gap_free=True, memory_s=1000.0)
    parts = []
    for pause_s in pauses:
        clock.jump(pause_s)
        parts.append(indices(scope, acquire(scope, clock)))
    first = scope.truth[0][0]
    assert scope.truth == [(first + 1000 * k, 1000) for k in range(len(pauses))]
    expected = np.arange(first, first + 1000 * len(pauses)) % 10_000
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_a_gap_free_scope_is_done_only_when_the_record_is_complete():
    clock = Clock()
    scope = counting_scope(clock, gap_free=True)
    acquire(scope, clock)
    clock.jump(0.04)
    scope.single()
    assert scope.wait_s() == pytest.approx(0.06)


def test_a_reader_that_falls_behind_the_memory_loses_the_oldest():
    clock, handed = Clock(), []
    scope = counting_scope(clock, handed.append, gap_free=True, memory_s=2.0)
    indices(scope, acquire(scope, clock))
    clock.jump(5.0)
    indices(scope, acquire(scope, clock))
    indices(scope, acquire(scope, clock))
    (start, n), (later, _), (last, _) = scope.truth
    assert later == pytest.approx(start + n + 30_000, abs=2)
    assert last == later + 1000
    assert [item.lost for item in handed] == [0, later - start - n, 0]


def test_an_interrupted_record_is_handed_out_by_the_next_arming():
    clock = Clock()
    scope = counting_scope(clock, gap_free=True)
    first = acquire(scope, clock)
    scope.single()
    clock.jump(0.05)
    scope.stop()
    assert scope.record is first
    assert acquire(scope, clock).start == first.start + first.n


def test_the_scopes_clock_counts_from_its_first_record_and_resolves_a_sample_after_days():
    clock = Clock()
    scope = counting_scope(clock, gap_free=True, memory_s=1.0, max_rate_hz=1e6)
    scope.panel.points = 100_000
    clock.jump(3.0)
    first = acquire(scope, clock)
    assert scope.clock_s(first) == "+0.000000000"
    clock.jump(1_000_000.0)
    later = acquire(scope, clock)
    index = round(float(scope.clock_s(later)) * 1e6)
    assert index == later.start - first.start
    assert counting_scope(clock).clock_s(first) is None


def test_a_power_cycle_forgets_the_records_and_keeps_the_settings():
    clock = Clock()
    scope = counting_scope(clock, gap_free=True)
    acquire(scope, clock)
    scope.power_cycle()
    assert scope.record is None
    clock.jump(7.0)
    record = acquire(scope, clock)
    assert record.start == pytest.approx(71_000, abs=20)
    assert scope.clock_s(record) == "+0.000000000"
    assert record.n == 1000


def test_running_shows_the_newest_complete_record():
    clock = Clock()
    scope = counting_scope(clock, dead_time_s=0.0, trigger_latency_s=0.0)
    scope.run()
    clock.jump(0.05)
    assert scope.record is None
    clock.jump(0.5)
    assert scope.running
    assert scope.record.start == 4000
    clock.jump(0.1)
    assert scope.record.start == 5000
    scope.stop()
    clock.jump(1.0)
    assert scope.record.start == 5000


@given(
    st.floats(1e-4, 100.0), st.integers(1, 4_000_000), st.sampled_from([1e4, 1e6, 5e6]), st.data()
)
def test_rate_and_length_stay_within_what_the_scope_can(range_s, points, max_rate_hz, data):
    memory = data.draw(st.integers(1000, 4_000_000))
    scope = counting_scope(Clock(), max_rate_hz=max_rate_hz, memory=memory)
    scope.panel.range_s, scope.panel.points = range_s, points
    assert scope.period_ns >= 1e9 / max_rate_hz * (1 - 1e-9)
    assert 1 <= scope.n_points <= memory
    assert scope.n_points * scope.period_ns <= range_s * 1e9 + scope.period_ns


@pytest.mark.parametrize("rate_hz", [20e3, 1e5, 1e6])
def test_the_wanted_points_in_the_wanted_time_are_taken(rate_hz):
    scope = counting_scope(Clock())
    scope.panel.range_s, scope.panel.points = 0.2, round(0.2 * rate_hz)
    assert scope.n_points == round(0.2 * rate_hz)
    assert scope.period_ns == round(1e9 / rate_hz)


def test_autoscale_puts_the_whole_signal_on_the_screen_and_uses_most_of_it():
    scope = counting_scope(Clock())
    for channel in scope.panel.channels[:2]:
        assert channel.offset - channel.range / 2 <= 0.0
        assert channel.offset + channel.range / 2 >= 100.0
        assert channel.range <= 250.0
    assert [channel.units for channel in scope.panel.channels[:2]] == ["VOLT", "AMP"]
    assert [channel.display for channel in scope.panel.channels] == [True, True, False, False]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"bits": 7}, "bits"),
        ({"max_rate_hz": 0.0}, "rate"),
        ({"dead_time_s": -1.0}, "dead time"),
        ({"memory_s": 0.0}, "memory"),
    ],
)
def test_a_wrong_setting_of_the_scope_is_named(wrong, says):
    with pytest.raises(ConfigError, match=says):
        ScopeSettings(**wrong)
