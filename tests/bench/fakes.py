"""What the bench's tests share."""

import numpy as np

from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.infiniivision import coding_of
from monitor.model import NS

WIRING = (Wiring(0, 1.0), Wiring(1, 10.0), Wiring(None, 1.0), Wiring(None, 1.0))


class Clock:
    """A clock that stands still until it is told to jump."""

    def __init__(self):
        self.ns = 0

    def __call__(self):
        return self.ns

    def jump(self, seconds):
        self.ns += round(seconds * NS)

    async def sleep(self, seconds):
        self.jump(max(seconds, 1e-9))


class Counting:
    """Samples that tell their own index: the voltage modulo 100, the current above."""

    limits = ((0.0, 100.0), (0.0, 100.0))

    def sample(self, start, n, rate_hz):
        index = np.arange(start, start + n)
        return (index % 100).astype(float), (index // 100 % 100).astype(float)


def counting_scope(clock, handed_out=lambda handed: None, **settings):
    """A scope that shows ``Counting``, 1000 samples of 0.1 ms, each unit many codes wide."""
    scope = Scope(Counting(), WIRING, ScopeSettings(**settings), clock, handed_out)
    scope.autoscale()
    scope.panel.range_s = 0.1
    scope.panel.points = 1000
    return scope


def indices(scope, record):
    """Return the index that each sample of a record tells, modulo 10,000."""
    return sum(
        np.rint(readings(scope, record, channel)).astype(int) * factor
        for channel, factor in ((0, 1), (1, 100))
    )


def readings(scope, record, channel):
    coding = coding_of(record.channels[channel], scope.settings.bits)
    return coding.decode(scope.codes(record, channel, coding))
