"""Scopes of the bench over real PyVISA: volts and amperes within quantisation."""

import asyncio
import contextlib
import time

import numpy as np
import pytest

from monitor.bench.instruments import INSTRUMENTS
from monitor.bench.panel import ScopeSettings, Wiring
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


async def taken(dialect, bits, **changes):
    """Return some blocks, and what was read from the scope."""
    begun_ns = time.monotonic_ns()
    settings = ScopeSettings(bits=bits, dead_time_s=0.002)
    scope = Scope(Swing(), WIRING, settings, lambda: time.monotonic_ns() - begun_ns)
    scope.autoscale()
    async with ScopeServer(INSTRUMENTS[dialect](scope)) as server:
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
    ("dialect", "bits", "form", "rate_hz", "levels"),
    [
        ("rigol", 12, "WORD", 150e3, 4096),
        ("rigol", 12, "BYTE", 20e3, 256),
        ("rigol", 8, "BYTE", 5e6, 256),
        ("tektronix", 12, "WORD", 50e3, 4096),
        ("tektronix", 12, "BYTE", 20e3, 256),
        ("tektronix", 8, "BYTE", 1e6, 256),
        ("tektronix", 8, "WORD", 20e3, 256),
    ],
)
def test_what_is_read_is_what_was_there(dialect, bits, form, rate_hz, levels):
    info, blocks, truth, channels = asyncio.run(
        taken(dialect, bits, format=form, sample_rate_hz=rate_hz)
    )
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


def test_pushed_records_come_closer_together_and_are_what_was_there():
    changes = {"format": "WORD", "sample_rate_hz": 50e3}
    _, asked, _, _ = asyncio.run(taken("tektronix", 12, **changes))
    info, blocks, truth, channels = asyncio.run(taken("tektronix", 12, stream=True, **changes))
    starts, lengths = zip(*truth[: len(blocks)], strict=True)
    assert lengths == tuple(block.n_samples for block in blocks)
    for block, start in zip(blocks, starts, strict=True):
        volts = Swing().sample(start, block.n_samples, info.sample_rate_hz)[0]
        scale = block.scales[0]
        readings = block.codes[0] * np.float64(scale.gain) + scale.offset
        assert np.abs(readings - volts).max() <= 0.53 * channels[0].range / 4096 * 1.024
    # From the first pushed record to the next there is the scope's own dead time, no more.
    assert starts[2] - starts[1] - lengths[1] <= 0.004 * info.sample_rate_hz
    assert len(asked) == len(blocks)


def test_without_a_rate_a_rigol_chooses_its_depth():
    info, blocks, _, _ = asyncio.run(taken("rigol", 12, format="WORD"))
    assert [block.n_samples for block in blocks] == [10_000] * N_BLOCKS
    assert info.sample_rate_hz == pytest.approx(1e5)
