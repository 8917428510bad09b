"""A scope on loopback whose probes and panel are set as a test wants, mistakes included."""

import asyncio
import time

import numpy as np

from monitor.bench.load.electrical import MAINS_230, Feed, Mains
from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.infiniivision import InfiniiVision
from monitor.config import InputSettings, InstrumentSettings
from monitor.model import Quantity
from monitor.setup.preview import look

POWER_W = 800.0


class Reversed:
    """A supply whose current is seen the wrong way round."""

    def __init__(self, waveform):
        self._waveform = waveform

    @property
    def limits(self):
        volts, (low, high) = self._waveform.limits
        return volts, (-high, -low)

    def sample(self, start, n, rate_hz):
        volts, amps = self._waveform.sample(start, n, rate_hz)
        return volts, -amps


def supplied(kind):
    """Return a constant load of 800 W on a supply."""

    def power(t_s):
        return np.full_like(t_s, POWER_W)

    return Feed(power, POWER_W) if kind == "dc" else Mains(MAINS_230, power, POWER_W)


class Desk:
    """A scope, and what its user did with it."""

    def __init__(self, supply="mains", *, current=10.0, swapped=False, is_reversed=False):
        waveform = supplied(supply)
        inputs = [Wiring(0, 10.0 if supply == "dc" else 100.0), Wiring(1, current)]
        if swapped:
            inputs.reverse()
        zero_ns = time.monotonic_ns()
        self.scope = Scope(
            Reversed(waveform) if is_reversed else waveform,
            (*inputs, Wiring(None, 1.0), Wiring(None, 1.0)),
            ScopeSettings(),
            lambda: time.monotonic_ns() - zero_ns,
        )
        self.scope.autoscale()

    @property
    def channels(self):
        """Return how the inputs are set, from input 1."""
        return self.scope.panel.channels

    async def look(self, **changes):
        """Return what one look at the scope says, over real PyVISA."""
        async with ScopeServer(InfiniiVision(self.scope)) as server:
            settings = InstrumentSettings(address=server.visa, **changes)
            return await asyncio.to_thread(look, settings)


def inputs(voltage=1, current=2, *, ratio=None):
    """Return the inputs of a profile; with a ratio the scope reports the clamp's volts."""
    clamp = InputSettings(input=current, quantity=Quantity.CURRENT)
    if ratio is not None:
        clamp = InputSettings(
            input=current, quantity=Quantity.CURRENT, reports="volts", ratio=ratio
        )
    return (InputSettings(input=voltage, quantity=Quantity.VOLTAGE), clamp)
