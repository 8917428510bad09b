"""The same workload through every dialect: the same joules, by the bench's own account."""

import asyncio
import contextlib
import itertools

import numpy as np
import pytest

from monitor.analysis.stage_table import stage_table
from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.load.workload import WorkloadSettings
from monitor.bench.scope.panel import ScopeSettings
from monitor.bench.vendors.instruments import INSTRUMENTS
from monitor.config import InputSettings, InstrumentSettings
from monitor.model import NS, Block, Marker, Quantity, Supply
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.sources.clock import SystemClock
from monitor.sources.dialects import DIALECTS
from monitor.sources.scope import ScopeSource

SECONDS = 10.0
AT_ONCE = 8
LONG_S = 2.0
SHORT_S = 0.1
"""A stage of which less was captured is not looked at by itself."""
WHOLE = 0.98
"""Share of a stage from which on what was not captured hardly counts."""
EDGE_S = 0.003
"""Of an edge, by the time that a host can give to records of a scope without a clock of its own."""
RATE_HZ = 20_000.0
INPUTS = (
    InputSettings(input=1, quantity=Quantity.VOLTAGE),
    InputSettings(input=2, quantity=Quantity.CURRENT),
)
WORKLOAD = WorkloadSettings(speed=5.0, idle_s=2.0, frames=65, steps=4, n_clips=1)
CASES = {
    f"{dialect} {form}": (dialect, form, bits, tolerance)
    for dialect in INSTRUMENTS
    for form, bits, tolerance in (("WORD", 12, 0.002), ("BYTE", 8, 0.01))
    if form in DIALECTS[dialect].formats
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Record each for ten seconds, some at once; return each bench's truth and our table."""
    folder = tmp_path_factory.mktemp("dialects")

    async def all_of_them():
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(name, case):
            async with turn:
                return await measured(folder / f"{name}.h5", *case[:3])

        return await asyncio.gather(
            *(one(name, case) for name, case in CASES.items()), return_exceptions=True
        )

    return dict(zip(CASES, asyncio.run(all_of_them()), strict=True))


async def measured(path, dialect, form, bits):
    """Record one bench.

    Returns
    -------
    The true energy by key of stage, that of the captured samples as measured and in truth, and
    the recording's table.
    """
    settings = BenchSettings(
        dialect=dialect,
        supply="dc",
        workload=WORKLOAD,
        scope=ScopeSettings(bits=bits, dead_time_s=0.002),
    )
    async with contextlib.AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(settings))
        instrument = InstrumentSettings(
            address=lab.visa,
            inputs=INPUTS,
            record_s=1.0,
            sample_rate_hz=RATE_HZ,
            format=form,
            supply=Supply.DC,
        )
        source = await stack.enter_async_context(ScopeSource(instrument, SystemClock()))
        with Recorder(path, source.info) as recorder:
            async with contextlib.aclosing(source.items()) as items:
                async for item in items:
                    recorder.put(item)
                    until_s = SECONDS * source.info.sample_rate_hz
                    if isinstance(item, Block) and item.stop >= until_s:
                        break
            for marker in markers(lab):
                recorder.mark(marker)
    with Recording(path) as recording:
        table = stage_table(recording, dialect)
        spans = stages(lab, recording)
        true_j = {key: lab.workload.energy_j(*span) for key, span in spans.items()}
        return true_j, captured(lab, recording, spans), table


def markers(lab):
    """Return what the load would have published."""
    for seq, event in enumerate(itertools.takewhile(lambda e: e.t_s < SECONDS, edges(lab)), 1):
        yield Marker(
            time_ns=lab.time_ns(event.t_s),
            stage=event.stage,
            edge=event.edge,
            run_id="run",
            span_id=event.key,
            parent_id=event.parent,
            seq=seq,
            index=event.index,
            total=event.total,
            attrs=event.attrs,
        )


def edges(lab):
    return lab.workload.events()


def stages(lab, recording):
    """Return begin and end, in seconds of the load, of the stages that lie in the recording."""
    info, (start, stop) = recording.info, recording.bounds
    begun, found = {}, {}
    for event in itertools.takewhile(lambda e: e.t_s < SECONDS, edges(lab)):
        first = begun.setdefault(event.key, event.t_s)
        inside = info.time_ns(start) < lab.time_ns(first) and lab.time_ns(event.t_s) < info.time_ns(
            stop
        )
        if event.t_s > first and inside:
            found[event.key] = first, event.t_s
    return found


def captured(lab, recording, spans):
    """Return the energy of each stage's captured samples, as measured and in truth.

    Which samples are a stage's is told by the bench's own books, so neither dead time nor what
    the host believes of a record's time counts.
    """
    rate_hz, info = recording.info.sample_rate_hz, recording.info
    books = np.array([start for start, _ in lab.scope.truth])
    sums = {key: np.zeros(3) for key in spans}
    for block in recording.blocks():
        by_host = (info.time_ns(block.start) - lab.zero_ns) / NS * rate_hz
        start = books[np.abs(books - by_host).argmin()]
        volts, amps = (
            codes * np.float64(scale.gain) + scale.offset
            for codes, scale in zip(block.codes, block.scales, strict=True)
        )
        for key, span in spans.items():
            first, last = (min(max(0, round(s * rate_hz) - start), block.n_samples) for s in span)
            if last > first:
                watts = (volts[first:last] * amps[first:last]).sum()
                true_j = lab.workload.energy_j((start + first) / rate_hz, (start + last) / rate_hz)
                sums[key] += watts / rate_hz, true_j, (last - first) / rate_hz
    return {key: row for key, row in sums.items() if row[2] >= SHORT_S}


@pytest.mark.parametrize("name", CASES)
def test_captured_samples_hold_what_the_bench_says(tables, name):
    if isinstance(tables[name], BaseException):
        raise tables[name]
    _, found, _ = tables[name]
    assert len(found) >= 5
    errors = {key: measured_j / true_j - 1 for key, (measured_j, true_j, _) in found.items()}
    assert {key: error for key, error in errors.items() if abs(error) > CASES[name][3]} == {}


@pytest.mark.parametrize("name", CASES)
def test_each_stage_used_what_the_bench_says(tables, name):
    if isinstance(tables[name], BaseException):
        raise tables[name]
    true_j, _, table = tables[name]
    stages = {used.stage.span_id: used for used in table.stages if used.stage.span_id in true_j}
    assert len(stages) == len(true_j) >= 10
    errors = {key: used.energy_j - true_j[key] for key, used in stages.items()}
    allowed = {
        key: CASES[name][3] * true_j[key] + slack_s(used) * table.total.peak_w
        for key, used in stages.items()
    }
    assert {key: error for key, error in errors.items() if abs(error) > allowed[key]} == {}


def slack_s(used):
    """Return how long the power may have been anything: at its edges, and where it is estimated.

    A busy machine adds dead time, and a stage states it by its coverage.
    """
    edges_s = 0.0 if used.duration_s >= LONG_S else EDGE_S
    return edges_s + (0.0 if used.coverage >= WHOLE else (1 - used.coverage) * used.duration_s)
