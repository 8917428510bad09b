import math

import msgspec
import numpy as np
import pytest
from fake_meters import reading
from fakes import INFO, RATE_HZ, dc_block, stage_edge
from waves import mains

from monitor.config import HistorySettings, MetricsSettings
from monitor.history.account import Account
from monitor.history.slow import SlowHistory
from monitor.model import Block, Edge, Marker, Scale, Supply

N_BLOCKS = 40


def account(seconds):
    return Account(INFO, MetricsSettings(ramps_s=(0.1,)), HistorySettings(seconds=seconds))


def power_of(k):
    return 120.0 + 12.0 * (k % 7)


def fed(seconds, *markers, ask_every=1):
    """An account of four seconds that remembers ``seconds``, and is asked as a session asks."""
    books = account(seconds)
    for k in range(N_BLOCKS):
        for marker in markers:
            if marker.time_ns < INFO.time_ns(1000 * k):
                books.enter_marker(marker)
        books.enter_block(dc_block(k * 1000, power_of(k)))
        if k % ask_every == 0:
            books.now()
    return books


STAGES = [
    stage_edge("run", Edge.BEGIN, 0.05, "a", seq=1),
    stage_edge("early", Edge.BEGIN, 0.1, "b", "a", seq=2),
    stage_edge("early", Edge.END, 0.55, "b", "a", seq=3),
    stage_edge("late", Edge.BEGIN, 3.0, "c", "a", seq=4),
    stage_edge("late", Edge.END, 3.2, "c", "a", seq=5),
]


def test_what_the_ring_has_forgotten_is_still_billed_exactly():
    all_of_it, a_second = fed(60.0, *STAGES).table(), fed(1.0, *STAGES).table()
    assert a_second.total.energy_j == pytest.approx(all_of_it.total.energy_j, rel=1e-12)
    for ours, theirs in zip(a_second.stages, all_of_it.stages, strict=True):
        assert ours.energy_j == pytest.approx(theirs.energy_j, rel=1e-12)
        assert ours.peak_w == pytest.approx(theirs.peak_w)
        assert ours.coverage == theirs.coverage == 1.0


def test_the_energy_is_the_sum_of_the_samples():
    books = fed(1.0, *STAGES)
    expected = sum(power_of(k) * 1000 for k in range(N_BLOCKS)) / RATE_HZ
    metrics, running = books.now()
    assert metrics.energy_j == pytest.approx(expected, rel=1e-5)
    assert [used.stage.name for used in running] == ["run"]


def test_stages_whose_end_has_not_come_are_known_to_a_recording_that_begins():
    books = account(1.0)
    begin, end = STAGES[1], STAGES[2]
    assert books.enter_marker(end)
    assert books.enter_marker(begin)
    assert not books.enter_marker(begin), "a duplicate"
    assert list(books.before) == []
    books.enter_marker(STAGES[0])
    assert [marker.stage for marker in books.before] == ["run"]


def test_before_the_first_block_nothing_is_known():
    books = account(1.0)
    assert books.now() == (None, ())
    assert books.look(None, None, 100, 10)[0] is None
    assert math.isnan(books.table().total.mean_w)


def test_a_recording_that_begins_knows_how_clocks_compared():
    books = account(1.0)
    times = {"t0_ns": 1, "t1_ns": 5, "t2_ns": 6, "t3_ns": 3}
    point = Marker(time_ns=5, stage="clock", edge=Edge.INSTANT, run_id="r", sender="s", attrs=times)
    assert books.enter_marker(point)
    assert not books.enter_marker(point), "a duplicate"
    assert list(books.before) == [point]
    assert books.n_markers == 0


def test_who_goes_on_from_a_time_knows_what_was_running_and_what_came_since():
    books = fed(60.0, *STAGES)
    assert [m.seq for m in books.markers_since(INFO.time_ns(3100 * 10))] == [1, 4, 5]
    assert [m.seq for m in books.markers_since(INFO.time_ns(3000 * 5))] == [1, 4, 5]
    assert [m.seq for m in books.markers_since(INFO.time_ns(0))] == [1, 2, 3, 4, 5]
    assert [m.seq for m in books.markers_since(INFO.time_ns(2000))] == [1, 2, 3, 4, 5]


def test_what_slow_channels_said_of_a_stage_is_known_long_after_they_forgot_it():
    books = account(60.0)
    books.slow = SlowHistory(capacity=300)  # 30 s
    books.enter_marker(stage_edge("load", Edge.BEGIN, 12.0, "a", seq=1))
    books.enter_marker(stage_edge("load", Edge.END, 14.0, "a", seq=2))
    for second in range(90):
        books.enter_block(dc_block(second * 10_000, 100.0, 10_000))
        for tenth in range(1, 11):
            books.enter_reading(reading(150.0, second + tenth / 10))
        books.now()
    (wall,) = books.table().slow
    assert wall.stages[0].energy_j == pytest.approx(300.0)
    assert wall.total.energy_j == pytest.approx(150.0 * 90)


@pytest.mark.parametrize("late_blocks", [0, 1, 3])
def test_the_table_does_not_depend_on_when_it_was_asked_for(late_blocks):
    """On mains, whose cycles end after the samples that they are made of, and ends come late."""
    rows = mains(40_000, amps=2.0)
    rows[1] *= 1 + (np.arange(40_000) // 5_600) % 3  # the load changes soon after an end
    codes = np.rint(rows[:2] / 0.02).astype(np.int16)
    info = msgspec.structs.replace(INFO, supply=Supply.AUTO)

    def asked(every):
        books = Account(info, MetricsSettings(ramps_s=(0.1,)), HistorySettings(seconds=60.0))
        due = list(STAGES)
        for k in range(80):
            while due and due[0].time_ns < info.time_ns((k - late_blocks) * 500):
                books.enter_marker(due.pop(0))
            part = codes[:, k * 500 : (k + 1) * 500]
            scales = (Scale(0.02, 0.0),) * 2
            books.enter_block(Block(k * 500, part, scales, (0, 0), info.time_ns(k * 500), 0))
            if every and k % every == 0:
                books.now()
        return books.table()

    never = asked(0)
    assert never.peak_window_s == pytest.approx(0.02, rel=1e-3)
    assert all(asked(every) == never for every in (1, 2, 3, 7))
