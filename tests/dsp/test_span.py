"""What is measured between two instants."""

import itertools

import numpy as np
import pytest
from fakes import INFO, RATE_HZ, dc_block, stage_edge
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import HistorySettings, MetricsSettings
from monitor.history.account import Account
from monitor.model import Edge

WATTS = (120.0, 360.0, 240.0)


def account(missing=()):
    """3 s at 10 kS/s: a second each of three powers, the middle one a stage of its own."""
    found = Account(INFO, MetricsSettings(), HistorySettings(seconds=60.0))
    for k in range(30):
        if k not in missing:
            found.enter_block(dc_block(k * 1000, WATTS[k // 10]))
    found.enter_marker(stage_edge("denoise", Edge.BEGIN, 1.0, "a", seq=1))
    found.enter_marker(stage_edge("denoise", Edge.END, 2.0, "a", seq=2))
    return found


@given(st.integers(0, 29_999), st.integers(1, 30_000))
def test_of_what_was_captured_the_numbers_are_those_of_the_samples(start, n):
    stop = min(start + n, 30_000)
    found = account().measured(start, stop)
    watts = np.repeat(WATTS, 10_000)[start:stop]
    assert (found.start, found.stop) == (start, stop)
    assert found.total.energy_j == pytest.approx(watts.sum() / RATE_HZ, rel=1e-6)
    assert found.total.mean_w == pytest.approx(watts.mean(), rel=1e-6)
    assert found.total.coverage == 1.0
    power = found.signals[-1]
    assert (power.low, power.high) == pytest.approx((watts.min(), watts.max()), rel=1e-3)
    volts = found.signals[0]
    assert (volts.name, volts.unit) == ("voltage", "V")
    assert (volts.rms, volts.mean) == pytest.approx((12.0, 12.0))


def test_dead_time_has_the_mean_of_its_stage_and_not_of_the_span():
    whole, seen = account(), account(missing=(12, 13, 14, 15))
    table = seen.table().stages[0]
    between = seen.measured(10_000, 20_000)
    assert between.total.energy_j == pytest.approx(table.energy_j)
    assert between.total.coverage == pytest.approx(0.6)
    wide = seen.measured(5_000, 25_000).total.energy_j
    assert wide == pytest.approx(whole.measured(5_000, 25_000).total.energy_j)


def test_spans_that_follow_each_other_add_up():
    seen = account(missing=(3, 12, 13, 27))
    cuts = [0, 2_345, 11_000, 12_500, 20_000, 30_000]
    parts = [seen.measured(a, b).total.energy_j for a, b in itertools.pairwise(cuts)]
    whole = seen.measured(0, 30_000).total.energy_j
    assert sum(parts) == pytest.approx(whole, rel=1e-3)


def test_what_is_not_remembered_is_left_out():
    found = account().measured(-5_000, 99_000)
    assert (found.start, found.stop) == (0, 30_000)
