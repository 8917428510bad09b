"""From a reading to a code and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.scope.adc import Coding, step_of
from monitor.bench.scope.panel import ChannelState
from monitor.bench.vendors.infiniivision import coding_of

RANGES = st.sampled_from([0.004, 1.0, 20.0, 800.0])
BITS = st.integers(8, 16)


def of(range_, offset, *, bits, **form):
    return coding_of(ChannelState(range=range_, offset=offset), bits, **form)


@given(RANGES, st.floats(-2.0, 2.0), BITS, st.booleans(), st.booleans(), st.data())
def test_what_is_on_the_screen_comes_back_within_half_a_step(
    range_, offset, bits, word, unsigned, data
):
    coding = of(range_, offset * range_, bits=bits, word=word, unsigned=unsigned)
    shares = data.draw(st.lists(st.floats(-0.499, 0.499), min_size=1, max_size=50))
    values = coding.origin + range_ * np.array(shares)
    kept = values.copy()
    codes = coding.encode(values)
    step = coding.increment * coding.step
    assert np.abs(coding.decode(codes) - values).max() <= 0.5 * step * (1 + 1e-6)
    np.testing.assert_array_equal(values, kept)
    assert codes.dtype == coding.dtype
    assert step == pytest.approx(range_ / (254 * (1 << (bits - 8) if word else 1)))


@pytest.mark.parametrize(
    ("word", "unsigned", "low", "high"),
    [
        (False, True, 0x01, 0xFF),
        (False, False, -127, 127),
        (True, True, 0x0001, 0xFFFF),
        (True, False, -0x7FFF, 0x7FFF),
    ],
)
@given(bits=BITS, beyond=st.floats(1.01, 1e6))
def test_what_is_off_the_screen_is_marked(word, unsigned, low, high, bits, beyond):
    coding = of(10.0, 1.0, bits=bits, word=word, unsigned=unsigned)
    codes = coding.encode(np.array([1.0 - 5.0 * beyond, 1.0, 1.0 + 5.0 * beyond]))
    assert codes.tolist() == [low, coding.reference, high]


@given(BITS, st.lists(st.floats(-100.0, 100.0), min_size=1))
def test_no_code_is_a_hole(bits, values):
    for word in (False, True):
        assert of(10.0, 0.0, bits=bits, word=word).encode(np.array(values)).all()


@given(BITS, st.lists(st.floats(-4.9, 4.9), min_size=1, max_size=100))
def test_a_word_carries_no_more_levels_than_the_converter_has(bits, values):
    codes = of(10.0, 0.0, bits=bits).encode(np.array(values))
    assert (codes % (1 << (16 - bits)) == 0).all()


def test_encoding_is_what_a_converter_does_sample_by_sample():
    coding = of(8.0, 0.5, bits=10)
    values = np.random.default_rng(1).uniform(-5.0, 6.0, 2000)
    step = 8.0 / (254 * 4)
    expected = []
    for value in values:
        level = round((value - 0.5) / step)
        if abs(level) > 127 * 4:
            expected.append(0xFFFF if level > 0 else 1)
        else:
            expected.append(0x8000 + 64 * level)
    np.testing.assert_array_equal(coding.encode(values), expected)


@st.composite
def codings(draw):
    """Converters as vendors have them: any integer, any place of the reference, any width."""
    width = draw(st.sampled_from([8, 16]))
    signed = draw(st.booleans())
    low = -(1 << (width - 1)) if signed else 0
    high = low + (1 << width) - 1
    return Coding(
        dtype=f"{'i' if signed else 'u'}{width // 8}",
        increment=draw(st.sampled_from([0.001, 0.04, 3.0])),
        origin=draw(st.floats(-100.0, 100.0)),
        reference=draw(st.floats(-200.0, 200.0)),
        step=step_of(draw(BITS), width),
        low=low,
        high=high,
        below=low,
        above=high,
    )


@given(codings(), st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=50))
def test_every_coding_gives_the_nearest_level_it_has(coding, values):
    codes = coding.encode(np.array(values))
    levels = np.arange(-(-coding.low // coding.step), coding.high // coding.step + 1) * coding.step
    meant = (levels - coding.reference) * coding.increment + coding.origin
    for value, code in zip(values, codes.tolist(), strict=True):
        at = np.abs(meant - value).argmin()
        found = (code - coding.reference) * coding.increment + coding.origin
        if 0 < at < len(levels) - 1:
            nearest = abs(meant[at] - value)
            assert abs(found - value) == pytest.approx(nearest, abs=1e-9 * abs(value) + 1e-9)
            assert code % coding.step == 0
        elif value > meant[-1] + coding.step * coding.increment:
            assert code == coding.above
        elif value < meant[0] - coding.step * coding.increment:
            assert code == coding.below


@pytest.mark.parametrize(
    ("bits", "width", "step"), [(8, 8, 1), (12, 8, 1), (12, 16, 16), (16, 16, 1)]
)
def test_a_narrow_code_cuts_the_lower_bits_off(bits, width, step):
    assert step_of(bits, width) == step
