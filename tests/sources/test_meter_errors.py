"""Error values of meters become one event and no reading, whatever they look like."""

import math

import numpy as np
import pytest
from fakes import T0_NS
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import NS, Marker, Reading, SlowChannel
from monitor.sources.meters.spell import Sieve, Value, is_error

POWER = SlowChannel(name="power", source="WT310E", unit="W", interval_s=1.0)
ERRORS = [
    math.nan, math.inf, -math.inf, 9.9e37, -9.9e37, 9.91e37, 9.9e37 * 2,
    *(float(np.frombuffer(bytes.fromhex(word), ">f4")[0])
      for word in ("7E94F56A", "7E951BEE", "7FC00000", "7F800000")),
]  # fmt: skip


def value_of(channel, value, second, **how):
    return Value(channel=channel, value=value, time_ns=T0_NS + second * NS, **how)


def sifted(values, **how):
    sieve = Sieve()
    return [
        item
        for second, value in enumerate(values)
        for item in sieve.sift([value_of(POWER, value, second, **how)], T0_NS + second * NS)
    ]


def kinds(items):
    return [item.attrs["kind"] for item in items if isinstance(item, Marker)]


@pytest.mark.parametrize("value", ERRORS)
def test_what_scpi_and_ieee_754_use_for_errors_is_an_error(value):
    assert is_error(value)


@given(st.floats(-1e37, 1e37))
def test_every_other_number_is_a_number(value):
    assert not is_error(value)


@pytest.mark.parametrize("code", [-1.0, -2.0, -3.0])
def test_codes_are_errors_only_where_the_settings_say_so(code):
    assert is_error(code, (-1.0, -2.0, -3.0))
    assert not is_error(code)


def test_a_spell_of_errors_is_told_once_and_its_end_says_how_many():
    items = sifted([1.0, math.nan, math.nan, 9.9e37, 2.0, 3.0])
    assert [item.value for item in items if isinstance(item, Reading)] == [1.0, 2.0, 3.0]
    assert kinds(items) == ["invalid", "invalid-over"]
    told = [item for item in items if isinstance(item, Marker)]
    assert "WT310E: error values for power (NaN)" in told[0].attrs["text"]
    assert "3 left out" in told[1].attrs["text"]
    assert [mark.time_ns - T0_NS for mark in told] == [NS, 4 * NS]


def test_an_error_is_one_before_the_factor():
    items = sifted([-1.0, 2500.0], factor=0.001, invalid=(-1.0,))
    assert [item.value for item in items if isinstance(item, Reading)] == [2.5]


@given(st.lists(st.sampled_from([1.0, 2.0, math.nan, math.inf, 9.91e37]), max_size=40))
def test_begins_and_ends_of_spells_alternate_and_no_error_passes(values):
    items = sifted(values)
    good = [value for value in values if not is_error(value)]
    assert [item.value for item in items if isinstance(item, Reading)] == good
    told = kinds(items)
    assert told == ["invalid", "invalid-over"] * (len(told) // 2) + ["invalid"] * (len(told) % 2)


def test_what_fails_together_is_told_together():
    amps = SlowChannel(name="current", source="WT310E", unit="A", interval_s=1.0)
    sieve, told = Sieve(), []
    for second, pair in enumerate([(math.nan, 9.9e37), (math.nan, math.nan), (1.0, 2.0)]):
        values = [value_of(c, v, second) for c, v in zip((POWER, amps), pair, strict=True)]
        told += [i for i in sieve.sift(values, T0_NS + second * NS) if isinstance(i, Marker)]
    assert kinds(told) == ["invalid", "invalid-over"]
    assert told[0].attrs["channels"] == told[1].attrs["channels"] == "power, current"
    assert "power (NaN), current (overrange)" in told[0].attrs["text"]
    assert "power (2 left out since 22:13:20 UTC), current (2 " in told[1].attrs["text"]
