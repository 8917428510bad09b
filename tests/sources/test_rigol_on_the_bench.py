"""A Rigol on the bench, over real PyVISA: volts and amperes within quantisation."""

import asyncio
import contextlib
import time

import numpy as np
import pytest

from monitor.bench.panel import ScopeSettings, Wiring
from monitor.bench.rigol import RigolScope
from monitor.bench.scope import Scope
from monitor.bench.server import ScopeServer
from monitor.config import InstrumentSettings
from monitor.model import Block, Supply
from monitor.sources.clock import SystemClock
from monitor.sources.scope import ScopeSource

WIRING = (Wiring(0, 10.0), Wiring(1, 10.0), Wiring(None, 1.0), Wiring(None, 1.0))
N_BLOCKS = 3


class Swing:
    """A voltage and a current that never repeat within a record."""

    limits = ((44.0, 52.0), (0.0, 20.0))

    def sample(self, start, n, rate_hz):
        t_s = np.arange(start, start + n) / rate_hz
        return 48.0 + 3.9 * np.sin(9.0 * t_s), 10.0 + 9.9 * np.cos(17.0 * t_s)


async def taken(bits, **changes):
    """Return some blocks, and what was read from the scope."""
    begun_ns = time.monotonic_ns()
    settings = ScopeSettings(bits=bits, dead_time_s=0.002)
    scope = Scope(Swing(), WIRING, settings, lambda: time.monotonic_ns() - begun_ns)
    scope.autoscale()
    async with ScopeServer(RigolScope(scope)) as server:
        instrument = InstrumentSettings(
            address=server.visa, supply=Supply.DC, record_s=0.06, **changes
        )
        async with ScopeSource(instrument, SystemClock()) as source:
            n_before = len(scope.truth) - 1  # the first block was taken while connecting
            async with contextlib.aclosing(source.items()) as items:
                blocks = [item async for _, item in zip_async(range(N_BLOCKS), items)]
            return source.info, blocks, scope.truth[n_before:], scope.panel.channels


async def zip_async(numbers, items):
    for number in numbers:
        yield number, await anext(items)


@pytest.mark.parametrize(
    ("bits", "form", "rate_hz", "levels"),
    [
        (12, "WORD", 150e3, 4096),
        (12, "BYTE", 20e3, 256),
        (8, "BYTE", 5e6, 256),
    ],
)
def test_what_is_read_is_what_was_there(bits, form, rate_hz, levels):
    info, blocks, truth, channels = asyncio.run(taken(bits, format=form, sample_rate_hz=rate_hz))
    assert info.sample_rate_hz >= rate_hz
    assert all(isinstance(block, Block) for block in blocks)
    for block, (start, n_samples) in zip(blocks, truth, strict=False):
        assert block.codes.shape == (2, n_samples)
        assert block.clipped == (0, 0)
        expected = Swing().sample(start, n_samples, info.sample_rate_hz)
        for codes, scale, values, channel in zip(
            block.codes, block.scales, expected, channels, strict=False
        ):
            readings = codes * np.float64(scale.gain) + scale.offset
            assert np.abs(readings - values).max() <= 0.53 * channel.range / levels * 1.024


def test_without_a_rate_the_scope_chooses_its_depth():
    info, blocks, _, _ = asyncio.run(taken(12, format="WORD"))
    assert [block.n_samples for block in blocks] == [10_000] * N_BLOCKS
    assert info.sample_rate_hz == pytest.approx(1e5)
