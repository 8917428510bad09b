"""What the records of a PMD-USB amount to."""

import asyncio
import contextlib
import math

import numpy as np
import pytest
from fakes import T0_NS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sources.scripted import JumpingClock

from monitor.bench.meters.pmd import BenchPmd
from monitor.config import MeterSettings, QuerySettings
from monitor.errors import ConfigError
from monitor.sources.clock import SystemClock
from monitor.sources.meters.make import make_meter

CODES = arrays.arrays(np.int16, st.tuples(st.integers(1, 20), st.just(8)),
                      elements=st.integers(-300, 1900))  # fmt: skip


def values_of(codes):
    meter = make_meter(MeterSettings(kind="elmorlabs-pmd", address="/dev/x"), JumpingClock())
    return [value.value for value in meter._values(codes, T0_NS)]


@given(CODES)
def test_a_reading_is_the_mean_of_volts_times_amperes_negative_ones_included(codes):
    inputs = [
        sum(float(row[2 * k]) * 7.568e-3 * float(row[2 * k + 1]) * 48.8e-3 for row in codes)
        / len(codes)
        for k in range(4)
    ]
    assert values_of(codes) == pytest.approx([sum(inputs), *inputs], rel=1e-9, abs=1e-9)


def test_an_input_at_the_rail_of_its_converter_has_no_power_and_so_there_is_no_sum():
    codes = np.full((5, 8), 100, np.int16)
    codes[3, 5] = 2047
    values = values_of(codes)
    assert [math.isinf(value) for value in values] == [True, False, False, True, False]


class Constant:
    limits = ((0.0, 13.0), (0.0, 30.0))

    def sample(self, start, n, rate_hz):
        return np.full(n, 12.0), np.full(n, 20.0)


def test_each_input_has_its_power_within_half_a_code_by_the_offsets_that_the_device_keeps():
    async def work():
        clock = SystemClock()
        async with BenchPmd(Constant(), clock.now_ns) as pmd:
            settings = MeterSettings(kind="elmorlabs-pmd", address=pmd.address, interval_s=0.1)
            async with (
                make_meter(settings, clock) as meter,
                contextlib.aclosing(meter.readings()) as items,
            ):
                return [(await anext(items)).value for _ in meter.channels]

    total, *inputs = asyncio.run(work())
    assert total == pytest.approx(240.0, abs=1.5)
    assert inputs == pytest.approx([84.0, 108.0, 36.0, 12.0], abs=0.4)


def test_settings_of_other_kinds_are_refused():
    query = QuerySettings(name="p", query="P?", unit="W")
    settings = MeterSettings(kind="elmorlabs-pmd", address="/dev/x", queries=(query,))
    with pytest.raises(ConfigError, match="remove setup and queries"):
        make_meter(settings, JumpingClock())
