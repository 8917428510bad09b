"""Faults by name, at their time, and at the front panel."""

import asyncio

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope, readings

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.scope.faults import Fault, Faults, Planned
from monitor.bench.scope.passer_by import PasserBy
from monitor.bench.vendors.infiniivision import coding_of
from monitor.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("silence", Planned(Fault.SILENCE)),
        ("short-block@5", Planned(Fault.SHORT_BLOCK, 5.0)),
        ("no-lf@0.25x3", Planned(Fault.NO_LF, 0.25, 3)),
        ("resetx2", Planned(Fault.RESET, 0.0, 2)),
    ],
)
def test_a_fault_is_planned_by_name_time_and_count(text, planned):
    assert Planned.parse(text) == planned


@pytest.mark.parametrize("text", ["", "silence@", "silencex0", "silence@-1", "x3", "silence x3"])
def test_what_is_no_plan_is_told_with_an_example(text):
    with pytest.raises(ConfigError, match="short-block@5x3"):
        Planned.parse(text)


def test_a_fault_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(ConfigError, match=r"'gremlin'.*lf-data.*range-change"):
        Faults().inject("gremlin")
    with pytest.raises(ConfigError, match="'gremlin'"):
        Planned.parse("gremlin@3")


def test_a_fault_strikes_as_often_as_it_was_injected():
    faults = Faults()
    faults.inject("silence", 2)
    faults.inject(Fault.SILENCE)
    assert [faults.take(Fault.SILENCE) for _ in range(5)] == [True] * 3 + [False] * 2
    assert not faults.take(Fault.NO_LF)


def test_a_fault_may_spare_its_first_occasions():
    faults = Faults()
    faults.inject("silence", 2, spare=2)
    assert [faults.take(Fault.SILENCE) for _ in range(5)] == [False, False, True, True, False]


def test_planned_faults_are_injected_at_their_time():
    async def main():
        planned = (Planned(Fault.SILENCE, times=2), Planned(Fault.NO_LF, after_s=3600.0))
        async with Lab(BenchSettings(faults=planned)) as lab:
            await asyncio.sleep(0.01)
            assert lab.faults.waits(Fault.SILENCE)
            assert not lab.faults.waits(Fault.NO_LF)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scope(clock):
    return counting_scope(clock, gap_free=True)


def record_of(scope, clock):
    scope.single()
    clock.jump(scope.wait_s())
    return scope.record


def codes_of(scope, record, channel, *, word=True):
    coding = coding_of(record.channels[channel], scope.settings.bits, word=word)
    return scope.codes(record, channel, coding)


@pytest.mark.parametrize("word", [True, False])
def test_inputs_can_be_set_so_that_the_samples_are_full_of_line_feeds(scope, clock, word):
    scope._waveform = Quiet()
    faults = Faults()
    faults.inject("lf-data")
    passer_by = PasserBy(scope, faults)
    passer_by.act()
    assert faults.waits(Fault.LF_DATA)  # nothing was read yet
    record = record_of(scope, clock)
    before = [readings(scope, record, k).mean() for k in (0, 1)]
    for k in (0, 1):
        codes_of(scope, record, k, word=word)
    passer_by.act()
    assert not faults.waits(Fault.LF_DATA)
    record = record_of(scope, clock)
    for k in (0, 1):
        codes = codes_of(scope, record, k, word=word)
        assert np.mean(codes.view(np.uint8).reshape(len(codes), -1) == 0x0A, axis=0).max() > 0.9
        assert readings(scope, record, k).mean() == pytest.approx(before[k], rel=0.01)


class Quiet:
    """A constant load with a little noise."""

    limits = ((0.0, 20.0), (0.0, 50.0))

    def sample(self, start, n, rate_hz):
        noise = np.random.default_rng(start).normal(0.0, 0.005, n)
        return 12.0 + noise, 20.0 + noise


def test_a_changed_range_changes_no_reading_and_comes_back_the_next_time(scope, clock):
    faults = Faults()
    passer_by = PasserBy(scope, faults)
    ranges = []
    for _ in range(3):
        record = record_of(scope, clock)
        ranges.append(record.channels[0].range)
        expected = (record.start + np.arange(record.n)) % 100
        np.testing.assert_allclose(readings(scope, record, 0), expected, atol=0.1)
        faults.inject("range-change")
        passer_by.act()
    assert ranges[1] == 2 * ranges[0]
    assert ranges[2] == ranges[0]


def test_a_clipped_record_is_one_record_whatever_is_asked_meanwhile(scope, clock):
    faults = Faults()
    passer_by = PasserBy(scope, faults)
    clipped = []
    faults.inject("clipping", 2)
    for _ in range(5):
        passer_by.act()
        record = record_of(scope, clock)
        passer_by.act()
        codes = codes_of(scope, record, 0)
        clipped.append(bool((codes == codes.min()).all()))
        passer_by.act()
    assert clipped == [True, True, False, False, False]


def test_the_clock_of_the_scope_jumps_once_and_its_samples_do_not(scope, clock):
    faults = Faults()
    passer_by = PasserBy(scope, faults)
    told = []
    for k in range(3):
        if k == 1:
            faults.inject("clock-jump")
        passer_by.act()
        told.append(float(scope.clock_s(record_of(scope, clock))))
    assert told == pytest.approx([0.0, 60.1, 60.2])


def test_every_fault_of_the_command_line_is_known_to_the_bench():
    names = "lf-data no-lf short-block close-mid-block silence wrong-length stale-reply reset"
    names += " slow-link clock-jump clipping range-change"
    assert {fault.value for fault in Fault} == set(names.split())
