"""The same workload through every dialect: the same joules, by the bench's own account."""

import asyncio
import contextlib
import itertools
from dataclasses import dataclass

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
LONG_S = 0.5
"""A stage from which on the time of its edges hardly counts."""
SHORT_S = 0.1
"""A stage of which less was captured is not looked at by itself, where its edges would count."""
MS = 1_000_000
RATE_HZ = 20_000.0
INPUTS = (
    InputSettings(input=1, quantity=Quantity.VOLTAGE),
    InputSettings(input=2, quantity=Quantity.CURRENT),
)
WORKLOAD = WorkloadSettings(speed=5.0, idle_s=2.0, frames=65, steps=4, n_clips=1)
TOLERANCES = {"WORD": 0.002, "BYTE": 0.01}
BITS = {"WORD": 12, "BYTE": 8}


@dataclass(frozen=True)
class Case:
    dialect: str
    form: str
    supply: str = "dc"
    is_gap_free: bool = False
    """Whether nothing is lost between records, which the scope's own clock then shows."""

    @property
    def tolerance(self):
        return TOLERANCES[self.form]

    def __str__(self):
        gap_free = " gap-free" * self.is_gap_free
        return f"{self.dialect} {self.form} {self.supply}{gap_free}"


WITH_DEAD_TIME = [
    Case(dialect, form)
    for dialect in INSTRUMENTS
    for form in TOLERANCES
    if form in DIALECTS[dialect].formats
]
MAINS = [Case("keysight", "WORD", "mains230"), Case("siglent-legacy", "BYTE", "mains120")]
GAP_FREE = [
    Case("keysight", "WORD", is_gap_free=True),
    Case("lecroy", "BYTE", is_gap_free=True),
    Case("lecroy", "WORD", "mains120", is_gap_free=True),
]
CASES = [*WITH_DEAD_TIME, *MAINS, *GAP_FREE]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Record each for ten seconds, some at once; return each bench's truth and our table."""
    folder = tmp_path_factory.mktemp("dialects")

    async def all_of_them():
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(case):
            async with turn:
                return await measured(folder / f"{case}.h5", case)

        return await asyncio.gather(*map(one, CASES), return_exceptions=True)

    return dict(zip(CASES, asyncio.run(all_of_them()), strict=True))


async def measured(path, case):
    """Record one bench.

    Returns
    -------
    The true energy by key of stage, that of the captured samples as measured and in truth, the
    recording's table, and how well the edges of each stage are known, in s. Where nothing is lost
    between records, the markers are as late or early as the recording believes its first sample to
    be, so that what is left is no matter of time.
    """
    settings = BenchSettings(
        dialect=case.dialect,
        supply=case.supply,
        workload=WORKLOAD,
        scope=ScopeSettings(bits=BITS[case.form], dead_time_s=0.002, gap_free=case.is_gap_free),
    )
    async with contextlib.AsyncExitStack() as stack:
        lab = await stack.enter_async_context(Lab(settings))
        instrument = InstrumentSettings(
            address=lab.visa,
            inputs=INPUTS,
            record_s=0.2 if case.is_gap_free else 1.0,
            sample_rate_hz=RATE_HZ,
            format=case.form,
            supply=Supply.DC if case.supply == "dc" else Supply.MAINS,
        )
        source = await stack.enter_async_context(ScopeSource(instrument, SystemClock()))
        with Recorder(path, source.info) as recorder:
            async with contextlib.aclosing(source.items()) as items:
                async for item in items:
                    recorder.put(item)
                    until_s = SECONDS * source.info.sample_rate_hz
                    if isinstance(item, Block) and item.stop >= until_s:
                        break
            late_ns = lateness_ns(lab, source.info) if case.is_gap_free else 0
            for marker in markers(lab, late_ns):
                recorder.mark(marker)
    with Recording(path) as recording:
        table = stage_table(recording, case.dialect)
        spans = stages(lab, recording, late_ns)
        rate_hz = recording.info.sample_rate_hz
        true_j = {key: energy_j(lab, *span, rate_hz) for key, span in spans.items()}
        edges_s = {key: edge_s(lab, recording, *span) for key, span in spans.items()}
        return true_j, captured(lab, recording, spans), table, edges_s


def energy_j(lab, begin_s, end_s, rate_hz):
    """Return what the load used; on mains what came through its wires, as its power pulsates."""
    if lab.settings.supply == "dc":
        return lab.workload.energy_j(begin_s, end_s)
    first, last = round(begin_s * rate_hz), round(end_s * rate_hz)
    volts, amps = lab.waveform.sample(first, last - first, rate_hz)
    return float((volts * amps).sum()) / rate_hz


def edge_s(lab, recording, begin_s, end_s):
    """Return how well the times of the records are known in which a stage lies, as they say."""
    rate_hz = recording.info.sample_rate_hz
    return max(
        (
            block.host_uncertainty_ns / NS
            for block in recording.blocks()
            if block.host_ns < lab.time_ns(end_s)
            and block.host_ns + block.n_samples / rate_hz * NS > lab.time_ns(begin_s)
        ),
        default=0.0,
    )


def lateness_ns(lab, info):
    """Return by how much later than in truth the first sample is believed to have been taken."""
    believed_ns = info.t0_ns - lab.zero_ns
    starts_ns = [round(start / info.sample_rate_hz * NS) for start, _ in lab.scope.truth]
    late_ns = min((believed_ns - start_ns for start_ns in starts_ns), key=abs)
    assert abs(late_ns) <= info.t0_uncertainty_ns + MS
    return late_ns


def markers(lab, late_ns):
    """Return what the load would have published."""
    for seq, event in enumerate(itertools.takewhile(lambda e: e.t_s < SECONDS, edges(lab)), 1):
        yield Marker(
            time_ns=lab.time_ns(event.t_s) + late_ns,
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


def stages(lab, recording, late_ns):
    """Return begin and end, in seconds of the load, of the stages that lie in the recording."""
    first_ns, last_ns = (recording.info.time_ns(at) - late_ns for at in recording.bounds)
    begun, found = {}, {}
    for event in itertools.takewhile(lambda e: e.t_s < SECONDS, edges(lab)):
        first_s = begun.setdefault(event.key, event.t_s)
        is_inside = first_ns < lab.time_ns(first_s) and lab.time_ns(event.t_s) < last_ns
        if event.t_s > first_s and is_inside:
            found[event.key] = first_s, event.t_s
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
                true_j = energy_j(lab, (start + first) / rate_hz, (start + last) / rate_hz, rate_hz)
                sums[key] += watts / rate_hz, true_j, (last - first) / rate_hz
    return {key: row for key, row in sums.items() if row[2] >= SHORT_S}


def of(tables, case):
    if isinstance(tables[case], BaseException):
        raise tables[case]
    true_j, found, table, edges_s = tables[case]
    used = {each.stage.span_id: each for each in table.stages if each.stage.span_id in true_j}
    assert len(used) == len(true_j) >= 10
    return true_j, found, used, table.total, edges_s


@pytest.mark.parametrize("case", CASES, ids=str)
def test_captured_samples_hold_what_the_bench_says(tables, case):
    _, found, *_ = of(tables, case)
    assert len(found) >= 5
    errors = {key: measured_j / true_j - 1 for key, (measured_j, true_j, _) in found.items()}
    assert {key: error for key, error in errors.items() if abs(error) > case.tolerance} == {}


@pytest.mark.parametrize("case", GAP_FREE, ids=str)
def test_without_a_gap_a_stage_used_what_the_bench_says(tables, case):
    true_j, _, used, *_ = of(tables, case)
    assert {each.coverage for each in used.values()} == {1.0}
    errors = {
        key: each.energy_j / true_j[key] - 1
        for key, each in used.items()
        if each.duration_s >= SHORT_S
    }
    assert len(errors) >= 10
    assert {key: error for key, error in errors.items() if abs(error) > case.tolerance} == {}


@pytest.mark.parametrize("case", [*WITH_DEAD_TIME, *MAINS], ids=str)
def test_each_stage_used_what_the_bench_says(tables, case):
    true_j, _, used, total, edges_s = of(tables, case)
    errors = {key: each.energy_j - true_j[key] for key, each in used.items()}
    # On mains it pulsates between nothing and twice what it is over a cycle.
    most_w = total.peak_w * (1 if case.supply == "dc" else 2)
    allowed = {
        key: case.tolerance * true_j[key] + slack_s(each, edges_s[key]) * most_w
        for key, each in used.items()
    }
    assert {key: error for key, error in errors.items() if abs(error) > allowed[key]} == {}


def slack_s(used, edge_s):
    """Return how long the power may have been anything: at its edges, and where it is estimated.

    A busy machine adds dead time, and a stage states it by its coverage.
    """
    return (edge_s if used.duration_s < LONG_S else 0.0) + (1 - used.coverage) * used.duration_s
