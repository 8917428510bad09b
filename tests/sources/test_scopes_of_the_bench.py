"""Scopes of the bench over real PyVISA: volts and amperes within quantisation."""

import asyncio
import contextlib
import time

import numpy as np
import pytest

from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.choice import TRANSPORTS
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.instruments import INSTRUMENTS
from monitor.config import InstrumentSettings
from monitor.model import Block, Marker, Supply
from monitor.sources.clock import SystemClock
from monitor.sources.dialects import DIALECTS
from monitor.sources.inspect import inspect
from monitor.sources.scope import ScopeSource

WIRING = (Wiring(0, 10.0), Wiring(1, 10.0), Wiring(None, 1.0), Wiring(None, 1.0))
N_BLOCKS = 3


class Swing:
    """A voltage and a current that never repeat within a record."""

    limits = ((44.0, 52.0), (0.0, 20.0))

    def sample(self, start, n, rate_hz):
        t_s = np.arange(start, start + n) / rate_hz
        return 48.0 + 3.9 * np.sin(9.0 * t_s), 10.0 + 9.9 * np.cos(17.0 * t_s)


async def taken(dialect, bits, *, transport="socket", **changes):
    """Return some blocks, and what was read from the scope since the first of them."""
    begun_ns = time.monotonic_ns()
    settings = ScopeSettings(bits=bits, dead_time_s=0.002)
    scope = Scope(Swing(), WIRING, settings, lambda: time.monotonic_ns() - begun_ns)
    scope.autoscale()
    async with ScopeServer(INSTRUMENTS[dialect](scope), transport=transport) as server:
        instrument = InstrumentSettings(
            address=server.visa, supply=Supply.DC, record_s=0.06, **changes
        )
        async with ScopeSource(instrument, SystemClock()) as source:
            async with contextlib.aclosing(source.items()) as items:
                blocks = [item async for _, item in zip_async(range(N_BLOCKS), items)]
            # One record tells how it is set, and two of a clock whether there are gaps.
            n_before = 3 if source.info.instrument["record times"] == "instrument" else 1
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
        ("lecroy", 12, "WORD", 150e3, 4096),
        ("lecroy", 12, "BYTE", 20e3, 256),
        ("lecroy", 8, "BYTE", 1e6, 256),
        ("lecroy", 8, "WORD", 20e3, 256),
        ("hameg", 8, "WORD", 20e3, 256),
        ("hameg", 8, "BYTE", 20e3, 256),
        ("rohde-schwarz", 12, "WORD", 1e6, 4096),
        ("rohde-schwarz", 12, "BYTE", 20e3, 256),
        ("rohde-schwarz", 8, "BYTE", 20e3, 256),
        ("rohde-schwarz", 8, "WORD", 20e3, 256),
        ("siglent-legacy", 8, "BYTE", 20e3, 256),
        ("siglent-legacy", 12, "WORD", 5e6, 256),
        ("siglent", 12, "WORD", 5e6, 4096),
        ("siglent", 12, "BYTE", 20e3, 256),
        ("siglent", 8, "BYTE", 20e3, 256),
        ("siglent", 8, "WORD", 20e3, 256),
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
    check(info, blocks, truth, channels, levels)


def check(info, blocks, truth, channels, levels):
    """Every sample is what was there, within half a step of a converter of so many levels."""
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


@pytest.mark.parametrize(
    ("dialect", "transport"),
    [(row.id, way) for row in DIALECTS.values() for way in row.transports if way in TRANSPORTS],
)
def test_a_family_is_read_over_every_transport_that_it_has(dialect, transport):
    row = DIALECTS[dialect]
    levels = 4096 if "WORD" in row.formats else 256
    check(*asyncio.run(taken(dialect, 12, transport=transport, sample_rate_hz=20e3)), levels)


def test_pushed_records_follow_each_other_by_themselves_and_are_what_was_there():
    info, blocks, truth, channels = asyncio.run(
        taken("tektronix", 12, stream=True, format="WORD", sample_rate_hz=50e3)
    )
    starts, lengths = zip(*truth[: len(blocks)], strict=True)
    assert lengths == tuple(block.n_samples for block in blocks)
    for block, start in zip(blocks, starts, strict=True):
        volts = Swing().sample(start, block.n_samples, info.sample_rate_hz)[0]
        scale = block.scales[0]
        readings = block.codes[0] * np.float64(scale.gain) + scale.offset
        assert np.abs(readings - volts).max() <= 0.53 * channels[0].range / 4096 * 1.024
    # Nobody arms the next: it begins 2 ms of dead time and 1 ms of latency after its predecessor.
    cycle = lengths[1] + round(0.003 * info.sample_rate_hz)
    assert (starts[2] - starts[1]) % cycle == 0


def test_without_a_rate_a_rigol_chooses_its_depth():
    info, blocks, _, _ = asyncio.run(taken("rigol", 12, format="WORD"))
    assert [block.n_samples for block in blocks] == [10_000] * N_BLOCKS
    assert info.sample_rate_hz == pytest.approx(1e5)


async def changed(dialect, change):
    """Return what comes, up to a block after the event that another client causes."""
    scope = Scope(Swing(), WIRING, ScopeSettings(dead_time_s=0.002), time.monotonic_ns)
    scope.autoscale()
    instrument = INSTRUMENTS[dialect](scope)
    async with ScopeServer(instrument) as server:
        settings = InstrumentSettings(
            address=server.visa, supply=Supply.DC, record_s=0.02, timeout_s=0.5
        )
        async with ScopeSource(settings, SystemClock()) as source:
            taken = []
            async with contextlib.aclosing(source.items()) as items:
                async for item in items:
                    taken.append(item)
                    if len(taken) == 1:
                        await instrument.execute(change)
                    if isinstance(item, Block) and any(isinstance(i, Marker) for i in taken):
                        break
    return taken


@pytest.mark.parametrize(
    ("dialect", "change"),
    [
        ("lecroy", "CFMT DEF9,BYTE,BIN"),
        ("lecroy", "CHDR SHORT"),
        ("rigol", ":WAV:FORM BYTE"),
        ("rohde-schwarz", "FORM UINT,8"),
        ("rohde-schwarz", "FORM REAL,32"),
        ("siglent", ":WAV:WIDT BYTE"),
        ("siglent-legacy", "CHDR SHORT"),
        ("siglent-legacy", "WFSU SP,4"),
        ("tektronix", "HEADER ON"),
        ("tektronix", "DATA:WIDTH 1"),
    ],
)
def test_what_another_client_switches_is_noticed_and_switched_back(dialect, change):
    taken = asyncio.run(changed(dialect, change))
    assert sum(isinstance(item, Marker) for item in taken) == 2  # lost, and there again
    scale = taken[-1].scales[0]
    readings = taken[-1].codes[0] * np.float64(scale.gain) + scale.offset
    assert 44.0 <= readings.min() <= readings.max() <= 52.0


@pytest.mark.parametrize(
    "dialect",
    ["hameg", "lecroy", "rigol", "rohde-schwarz", "siglent", "siglent-legacy", "tektronix"],
)
@pytest.mark.parametrize("bits", [8, 12])
def test_the_bench_tells_how_it_is_set(dialect, bits):
    async def asked():
        scope = Scope(Swing(), WIRING, ScopeSettings(bits=bits), time.monotonic_ns)
        scope.autoscale()
        async with ScopeServer(INSTRUMENTS[dialect](scope)) as server:
            panel = await asyncio.to_thread(inspect, server.visa, timeout_s=2.0)
        return panel, scope.panel.channels

    panel, channels = asyncio.run(asked())
    assert panel.dialect == dialect
    assert [state.shown for state in panel.inputs] == [True, True, False, False]
    assert [state.unit for state in panel.inputs[:2]] == ["V", "A"]
    assert [state.coupling for state in panel.inputs] == ["DC"] * 4
    assert [state.probe_factor for state in panel.inputs[:2]] == pytest.approx([10.0, 10.0])
    for state, channel in zip(panel.inputs, channels, strict=True):
        assert state.offset == pytest.approx(channel.middle)
        assert 0.8 * channel.range <= state.range <= channel.range * (1 + 1e-9)


async def turned(dialect):
    """Return what comes while somebody turns the knobs of an input."""
    scope = Scope(Swing(), WIRING, ScopeSettings(dead_time_s=0.002), time.monotonic_ns)
    scope.autoscale()
    async with ScopeServer(INSTRUMENTS[dialect](scope)) as server:
        settings = InstrumentSettings(
            address=server.visa, supply=Supply.DC, record_s=0.02, timeout_s=0.5
        )
        async with (
            ScopeSource(settings, SystemClock()) as source,
            contextlib.aclosing(source.items()) as items,
        ):
            taken = [item async for _, item in zip_async(range(2), items)]
            while not scope.running:  # noqa: ASYNC110 - the scope tells no one when it begins
                await asyncio.sleep(0)
            scope.panel.channels[0].range = 200.0
            scope.panel.channels[0].offset = 0.0
            taken += [item async for _, item in zip_async(range(6), items)]
    return taken


@pytest.mark.parametrize("dialect", INSTRUMENTS)
def test_a_range_that_changes_in_mid_record_gives_no_wrong_number(dialect):
    taken = asyncio.run(turned(dialect))
    blocks = [item for item in taken if isinstance(item, Block)]
    assert len(blocks) >= 6
    for block in blocks:
        readings = block.codes[0] * np.float64(block.scales[0].gain) + block.scales[0].offset
        assert 43.0 <= readings.min() <= readings.max() <= 53.0
    assert len({block.scales[0] for block in blocks}) == 2
