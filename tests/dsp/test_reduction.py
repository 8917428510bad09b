"""What is stored of samples is what they were, wherever they were cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import mains

from monitor.dsp.passing_cycles import PassingCycles
from monitor.dsp.reduction import Reduction
from monitor.dsp.track import Track
from monitor.model import Channel, Quantity, Supply

CHANNELS = tuple(Channel(name=q.value, quantity=q) for q in (Quantity.VOLTAGE, Quantity.CURRENT))


def reduced(signals, cuts, hop=4):
    """Reduce pieces, and take after every third."""
    reduction = Reduction(len(signals), (hop, 16 * hop), (4 * hop, 128 * hop))
    taken = []
    for k, (a, b) in enumerate(itertools.pairwise([0, *cuts, signals.shape[1]])):
        reduction.append(signals[:, a:b])
        if k % 3 == 2:
            taken.append(reduction.take())
    taken.append(reduction.take())
    return [
        [np.concatenate(parts, axis=1) for parts in zip(*levels, strict=True)]
        for levels in ([t.extremes for t in taken], [t.totals for t in taken])
    ]


@given(st.integers(0, 3000), st.lists(st.integers(0, 3000), max_size=12), st.integers(0, 99))
@settings(max_examples=60)
def test_every_bin_is_that_of_its_samples(n, cuts, seed):
    signals = np.random.default_rng(seed).normal(size=(2, n)).astype(np.float32)
    extremes, totals = reduced(signals, sorted(min(cut, n) for cut in cuts))
    for hop, bins in zip((4, 64), extremes, strict=True):
        assert bins.shape == (4, n // 16 * 16 // hop)
        for j in range(bins.shape[1]):
            part = signals[:, j * hop : (j + 1) * hop]
            assert bins[:, j].tolist() == [*part.min(axis=1), *part.max(axis=1)]
    for hop, sums in zip((16, 512), totals, strict=True):
        assert sums.shape == (4, n // hop)
        for j in range(sums.shape[1]):
            before = signals[:, : (j + 1) * hop].astype(np.float64)
            expected = [*before.sum(axis=1), *np.square(before).sum(axis=1)]
            assert sums[:, j] == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.integers(0, 100_000), max_size=12))
@settings(max_examples=20)
def test_where_samples_were_cut_changes_no_bit(cuts):
    signals = np.random.default_rng(0).normal(size=(3, 100_000)).astype(np.float32)
    whole, parts = reduced(signals, [], 256), reduced(signals, sorted(cuts), 256)
    for a, b in zip(itertools.chain(*whole), itertools.chain(*parts), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("gap", [0, 7777])
def test_passing_cycles_are_those_of_a_track(gap):
    rows = mains(20_000)
    rate_hz, cut = 10_000.0, 9_876
    track = Track(CHANNELS, rate_hz, Supply.AUTO, capacity=40_000)
    passing = PassingCycles(CHANNELS, rate_hz, Supply.AUTO)
    found = []
    for start, part in ((0, rows[:, :cut]), (cut + gap, rows[:, cut:])):
        track.append(start, part)
        passing.append(start, part)
        found.append(passing.take())
    cycles = np.concatenate(found, axis=1)
    assert cycles.shape[1] > 80
    edges = np.asarray([0, 12_000, 20_000 + gap])
    for start, stop in itertools.pairwise(edges.tolist()):
        inside = (cycles[0] >= start) & (cycles[1] <= stop)
        means = cycles[2, inside] / (cycles[1] - cycles[0])[inside]
        assert track.peak(start, stop, lambda a, b: None) == pytest.approx(means.max(), rel=1e-9)
