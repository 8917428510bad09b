"""Signals whose numbers are known in closed form, and streams cut anywhere."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from monitor.dsp.power import signals
from monitor.dsp.track import Track
from monitor.model import Channel, Quantity, Supply

RATE_HZ = 10_000.0
VOLTAGE = Channel(name="voltage", quantity=Quantity.VOLTAGE)
CURRENT = Channel(name="current", quantity=Quantity.CURRENT)
CHANNELS = (VOLTAGE, CURRENT)


def mains(
    n, *, rate_hz=RATE_HZ, hz=50.0, phase=0.0, volts=325.0, amps=10.0, lag=0.0, noise=0.0, seed=0
):
    """Shape (3, n): a sine of volts, one of amps that lags behind, and their product."""
    angle = 2 * np.pi * hz * np.arange(n) / rate_hz + phase
    noisy = noise * np.random.default_rng(seed).normal(size=(2, n))
    v = volts * (np.sin(angle) + noisy[0])
    i = amps * (np.sin(angle - lag) + noisy[1])
    return signals(np.stack((v, i)).astype(np.float32), CHANNELS)


def feed(power_w, volts=12.0):
    """Shape (3, n): a DC feed of a power for each sample."""
    i = np.asarray(power_w, np.float64) / volts
    return signals(np.stack((np.full(i.size, volts), i)).astype(np.float32), CHANNELS)


@dataclass
class Stream:
    """Samples from index ``first`` on, NaN where there are none, as one array."""

    rows: np.ndarray
    first: int = 0

    @property
    def stop(self):
        return self.first + self.rows.shape[1]

    def read(self, start, stop):
        """What ``Track`` reads: NaN outside."""
        found = np.full((len(self.rows), stop - start), np.nan, np.float32)
        a, b = max(start, self.first), min(stop, self.stop)
        if a < b:
            found[:, a - start : b - start] = self.rows[:, a - self.first : b - self.first]
        return found

    def without(self, *gaps):
        """The same with samples missing in ``[start, stop)``."""
        rows = self.rows.copy()
        for start, stop in gaps:
            rows[:, start - self.first : stop - self.first] = np.nan
        return Stream(rows, self.first)

    def runs(self):
        """Start and samples of what was captured between gaps."""
        captured = np.concatenate(([False], ~np.isnan(self.rows[-1]), [False]))
        edges = np.flatnonzero(np.diff(captured))
        for a, b in zip(edges[::2], edges[1::2], strict=True):
            yield self.first + int(a), self.rows[:, a:b]

    def blocks(self, cuts=()):
        """The runs, cut further at any places."""
        for start, rows in self.runs():
            inside = sorted({c - start for c in cuts if start < c < start + rows.shape[1]})
            for at, part in zip([0, *inside], np.split(rows, inside, axis=1), strict=True):
                yield start + at, part

    def track(self, cuts=(), *, supply=Supply.AUTO, rate_hz=RATE_HZ, capacity=None, **windows):
        """A track that has seen all of it."""
        track = Track(
            CHANNELS[: len(self.rows) - 1],
            rate_hz,
            supply,
            capacity=capacity or self.rows.shape[1],
            **windows,
        )
        for start, rows in self.blocks(cuts):
            track.append(start, rows)
        return track


@st.composite
def gapped(draw, n_most=3000):
    """A stream of noise with up to five gaps, whose blocks are cut at up to eight places."""
    n = draw(st.integers(1, n_most))
    first = draw(st.integers(0, 1000))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stream = Stream(rng.normal(5.0, 10.0, size=(3, n)).astype(np.float32), first)
    place = st.integers(first, first + n)
    gaps = draw(st.lists(st.tuples(place, place).map(sorted), max_size=5))
    stream = stream.without(*gaps)
    # The first and the last sample are there, so that the bounds are those of the array.
    stream.rows[:, [0, -1]] = 1.0
    return stream, draw(st.lists(place, max_size=8))
