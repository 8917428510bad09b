"""What the doctor says of the broker and of the clocks of who sends markers."""

import time

import pytest

from monitor.config import MarkerSettings
from monitor.doctor import workload
from monitor.dsp.clock_fit import ClockFit
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.client import MarkerClient


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running.url


def by_id(lines):
    return {line.id: line for line in lines}


def test_a_broker_has_a_round_trip_and_without_a_workload_no_clock(broker):
    found = by_id(workload.examine(MarkerSettings(broker=broker), 0.3))
    assert found["broker"].level in {"ok", "warn"}
    assert 0 < found["broker"].value < 5
    assert "round trip (median of 9)" in found["broker"].what
    assert found["clock"].level == "skip"


def test_a_workload_that_runs_has_its_clock_compared(broker):
    with MarkerClient(broker) as client:
        client.begin("run")
        found = by_id(workload.examine(MarkerSettings(broker=broker), 2.0))
    line = found["clock"]
    assert line.level in {"ok", "warn"}
    assert abs(line.value) < 1.0
    assert "at most" in line.what


def test_a_broker_that_is_not_there_fails_and_no_clock_is_compared():
    found = by_id(workload.examine(MarkerSettings(broker="mqtt://127.0.0.1:1"), 0.3))
    assert (found["broker"].level, found["clock"].level) == ("fail", "skip")
    assert "127.0.0.1:1" in found["broker"].what
    assert "markers.broker" in found["broker"].fix


def test_a_broker_that_is_not_wanted_is_not_looked_at():
    (line,) = workload.examine(MarkerSettings(broker="none"), 0.3)
    assert (line.id, line.level) == ("broker", "skip")


def test_the_embedded_broker_gives_way_to_one_that_runs_there(broker, monkeypatch):
    monkeypatch.setattr(workload, "_PORT", int(broker.rpartition(":")[2]))
    found = by_id(workload.examine(MarkerSettings(), 0.3))
    assert found["broker"].level in {"ok", "warn"}
    assert "started for this" not in found["broker"].what


@pytest.mark.parametrize(("late_ns", "level"), [(1_000_000, "ok"), (40_000_000, "warn")])
def test_a_clock_is_told_with_its_offset_and_bound(late_ns, level):
    now, ahead = time.time_ns(), 3_600_000_000_000
    fit = ClockFit()
    fit.add(now, now + ahead + late_ns // 2, now + ahead + late_ns // 2, now + late_ns)
    line = workload._clock("run", "host-1", fit, now + ahead)
    assert line.level == level
    assert line.value == pytest.approx(3600.0, abs=0.05)
    assert "3.60 ks ahead of ours" in line.what


def test_a_clock_that_answers_what_cannot_be_fails():
    assert workload._clock("run", "host-1", ClockFit(), 0).level == "fail"
