import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.units import count, duration, energy, give_or_take, share, si, size, window


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1240.0, "1.24 kW"),
        (999.6, "1.00 kW"),
        (440.3, "440 W"),
        (-2057.0, "−2.06 kW"),
        (0.0123, "12.3 mW"),
        (0.0, "0 W"),
        (1e-9, "0 W"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_a_value_has_three_digits_and_a_prefix(value, text):
    assert si(value, "W") == text


@given(st.floats(1e-5, 1e11), st.sampled_from([3, 4, 5]))
def test_a_value_reads_back_within_its_digits(value, digits):
    number, unit = si(value, "W", digits).split()
    factor = {"G": 1e9, "M": 1e6, "k": 1e3, "m": 1e-3, "µ": 1e-6}.get(unit[0], 1.0)
    assert float(number) * factor == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


def test_coverage_never_rounds_up_to_all():
    assert share(0.9999) == "99.9 %"
    assert share(1.0) == "100 %"
    assert share(0.932) == "93.2 %"
    assert share(math.nan) == "–"


def test_durations_read_like_a_clock():
    assert [duration(s) for s in (0.85, 12.34, 205.0, 7405.9)] == [
        "850 ms", "12.3 s", "3:25", "2:03:25"
    ]  # fmt: skip


def test_windows_have_no_empty_decimals():
    assert [window(s) for s in (0.02, 0.1, 1.0, 10.0, 1.5)] == [
        "20 ms", "100 ms", "1 s", "10 s", "1.50 s"
    ]  # fmt: skip


def test_large_energies_are_also_given_in_watt_hours():
    assert energy(3715.56) == "3.72 kJ (1.03 Wh)"
    assert energy(92.0) == "92.0 J"


def test_an_uncertainty_stands_beside_its_value():
    assert give_or_take(6120.0, 18.4, "J") == "6.12 kJ ± 18 J"
    assert give_or_take(6120.0, None, "J") == "6.12 kJ"


def test_sizes_have_three_digits():
    assert [size(n) for n in (5, 1024, 1_500_000, 5 << 30)] == ["5 B", "1 KiB", "1.43 MiB", "5 GiB"]


def test_one_thing_is_not_several():
    assert [count(n, "gap") for n in (0, 1, 2)] == ["0 gaps", "1 gap", "2 gaps"]
