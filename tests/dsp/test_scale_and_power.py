import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waves import CHANNELS, CURRENT, VOLTAGE

from monitor.dsp.power import rails, signals, total_power
from monitor.dsp.scale import fold, to_units
from monitor.model import Channel, Probe, Quantity, Scale

POWER = Channel(name="meter", quantity=Quantity.POWER, rail="cpu")


def channel(quantity, rail):
    return Channel(name=f"{rail} {quantity.value}", quantity=quantity, rail=rail)


@given(
    code=st.integers(-(2**15), 2**15 - 1),
    gain=st.floats(1e-6, 10),
    offset=st.floats(-100, 100),
    ratio=st.floats(-100, 100).filter(lambda r: abs(r) > 1e-3),
    zero=st.floats(-10, 10),
)
def test_a_value_is_what_the_probe_makes_of_the_reading(code, gain, offset, ratio, zero):
    probed = Channel(name="v", quantity=Quantity.VOLTAGE, probe=Probe(ratio=ratio, offset=zero))
    expected = ratio * (gain * code + offset) + zero
    folded = fold(probed, Scale(gain, offset))
    assert folded.gain * code + folded.offset == pytest.approx(expected, rel=1e-9, abs=1e-9)
    (value,) = to_units(np.asarray([[code]], np.int16), [probed], [Scale(gain, offset)])[0]
    size = abs(ratio * gain * code) + abs(ratio * offset) + abs(zero)
    assert value == pytest.approx(expected, abs=size * 1e-6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32"])
def test_codes_of_any_integer_type_become_float32_and_are_left_alone(dtype):
    codes = np.asarray([[0, 1, 100], [3, 2, 1]], dtype)
    before = codes.copy()
    values = to_units(codes, CHANNELS, (Scale(0.5, 1.0), Scale(2.0, 0.0)))
    assert values.dtype == np.float32
    assert values.tolist() == [[1.0, 1.5, 51.0], [6.0, 4.0, 2.0]]
    assert np.array_equal(codes, before)


def test_each_row_needs_its_scale():
    with pytest.raises(ValueError, match="2 rows of codes"):
        to_units(np.zeros((2, 3), np.int16), CHANNELS, [Scale(1.0, 0.0)])


def test_power_is_the_sum_over_the_rails_and_of_the_powers():
    channels = (
        channel(Quantity.CURRENT, "b"), channel(Quantity.VOLTAGE, "a"), POWER,
        channel(Quantity.CURRENT, "a"), channel(Quantity.VOLTAGE, "b"),
    )  # fmt: skip
    values = np.asarray([[1, 2], [10, 20], [100, 200], [3, 4], [5, 6]], np.float32)
    assert total_power(values, channels).tolist() == [10 * 3 + 5 * 1 + 100, 20 * 4 + 6 * 2 + 200]
    assert total_power(values[2:3], [POWER]).tolist() == [100, 200]


def test_signals_are_the_channels_with_the_power_last():
    values = np.asarray([[12, 12], [1, -2]], np.float32)
    assert signals(values, CHANNELS).tolist() == [[12, 12], [1, -2], [12, -24]]


def test_a_sagging_rail_is_multiplied_before_it_is_averaged():
    sag = np.asarray([[12.0, 11.6], [0.0, 45.0]], np.float32)
    assert total_power(sag, CHANNELS).mean() == pytest.approx(11.6 * 45 / 2)
    assert sag[0].mean() * sag[1].mean() == pytest.approx(11.8 * 45 / 2)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ((VOLTAGE,), "one voltage and one current"),
        ((VOLTAGE, VOLTAGE, CURRENT), "two channels of voltage"),
        ((VOLTAGE, CURRENT, channel(Quantity.POWER, "main")), "it has voltage, current, power"),
    ],
)
def test_a_rail_that_makes_no_power_is_named(channels, message):
    with pytest.raises(ValueError, match=message):
        rails(channels)
