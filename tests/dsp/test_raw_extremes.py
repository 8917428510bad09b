"""What is found in codes is what would be found in the samples."""

import numpy as np
import pytest

from monitor.dsp.power import signals
from monitor.dsp.raw_extremes import raw_extremes
from monitor.dsp.scale import to_units
from monitor.model import Channel, Probe, Quantity, Scale

CHANNELS = (
    Channel(name="v", quantity=Quantity.VOLTAGE),
    Channel(name="i", quantity=Quantity.CURRENT, probe=Probe(ratio=-10.0, offset=0.3)),
    Channel(name="12 V", quantity=Quantity.POWER, rail="12 V"),
)


@pytest.mark.parametrize("n", [1000, 200_000])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "u1", "i4"])
def test_they_are_those_of_the_samples(dtype, n):
    bounds = np.iinfo(dtype)
    codes = np.random.default_rng(1).integers(bounds.min, bounds.max, (3, n)).astype(dtype)
    scales = (Scale(0.0125, 0.5), Scale(0.001, -3.0), Scale(-0.01, 2.0))
    firsts = np.append(np.arange(0, n // 2, max(n // 50, 1)), [n - 300, n - 1])
    samples = signals(to_units(codes, CHANNELS, scales), CHANNELS)
    room = np.full((4, n), np.nan, np.float32)
    low, high = raw_extremes(codes, CHANNELS, scales, firsts, room)
    assert np.array_equal(low, np.minimum.reduceat(samples, firsts, axis=1))
    assert np.array_equal(high, np.maximum.reduceat(samples, firsts, axis=1))
