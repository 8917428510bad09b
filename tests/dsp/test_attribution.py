import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waves import Stream, mains

from monitor.dsp.attribution import attribute
from monitor.dsp.stages import StageTree
from monitor.model import NS, Edge, Marker, Stage, StreamInfo, Supply

RATE_HZ = 1000.0
INFO = StreamInfo(
    channels=(), sample_rate_hz=RATE_HZ, t0_ns=7 * NS, t0_uncertainty_ns=0, dtype="int16",
    continuous=False,
)  # fmt: skip


class Known:
    """Samples as an array of watts, NaN where not captured."""

    peak_window_s = 1 / RATE_HZ

    def __init__(self, power):
        self.power = np.asarray(power, np.float64)

    def cumulative(self, indices):
        sums = np.concatenate(([0.0], np.nancumsum(self.power)))
        n = np.concatenate(([0], np.cumsum(~np.isnan(self.power))))
        return sums[indices][np.newaxis], n[indices]

    def steady(self, edges):
        sums, n = self.cumulative(edges)
        return np.diff(sums[-1]), np.diff(n).astype(float)

    def peak(self, start, stop):
        return float(np.fmax.reduce(self.power[start:stop], initial=-math.inf))


def time_ns(sample):
    return INFO.t0_ns + round(sample * NS / RATE_HZ)


def stage(name, start, stop, parent="", depth=0, *, leaf=True):
    return Stage(
        name=name, path=name, span_id=name, run_id="r", parent_id=parent, depth=depth, index=0,
        start_ns=time_ns(start), stop_ns=None if stop is None else time_ns(stop), leaf=leaf,
    )  # fmt: skip


def table(power, *stages, start=0, stop=None):
    stop = len(power) if stop is None else stop
    return attribute(stages, INFO, start, stop, Known(power), "test")


def joules(found):
    return {used.stage.name: used.energy_j for used in found.stages}


def gap(power, *ranges):
    power = np.array(power, float)
    for a, b in ranges:
        power[a:b] = np.nan
    return power


def test_every_stage_gets_what_was_used_while_it_was_the_innermost():
    power = np.repeat([100.0, 500.0, 300.0, 100.0], 1000)
    found = table(
        power,
        stage("run", 500, 3500, leaf=False),
        stage("denoise", 1000, 2000, "run", 1),
        stage("vae", 2000, 3000, "run", 1),
    )
    assert joules(found) == pytest.approx({"run": 900.0, "denoise": 500.0, "vae": 300.0})
    assert found.total.energy_j == pytest.approx(1000.0)
    assert found.unattributed.energy_j == pytest.approx(200.0)
    assert found.unattributed.duration_s == pytest.approx(2.0)
    run = found.stages[0]
    assert (run.duration_s, run.mean_w, run.peak_w, run.coverage) == (3.0, 300.0, 500.0, 1.0)
    assert (found.total.duration_s, found.total.mean_w, found.total.peak_w) == (4.0, 250.0, 500.0)
    assert (found.session, found.peak_window_s) == ("test", 1 / RATE_HZ)


@pytest.mark.parametrize(
    ("begin", "end", "outside", "so_far"),
    [
        (100, 900, 0, 0),
        (-200, 500, 200, 200),
        (500, 1300, 300, 0),
        (-200, 1300, 500, 200),
        (1100, 1300, 200, 0),
        (-200, None, 200, 200),
    ],
)
def test_what_lies_outside_the_session_is_told(begin, end, outside, so_far):
    one = stage("s", begin, end)
    (whole,) = table(np.full(1000, 7.0), one).stages
    assert whole.outside_s == pytest.approx(outside / RATE_HZ)
    power = Known(np.full(1000, 7.0))
    (growing,) = attribute([one], INFO, 0, 1000, power, "live", growing=True).stages
    assert growing.outside_s == pytest.approx(so_far / RATE_HZ)


@settings(max_examples=100)
@given(
    power=st.lists(st.one_of(st.just(math.nan), st.floats(-100, 1000)), min_size=1, max_size=200),
    spans=st.lists(
        st.tuples(st.integers(-50, 250), st.integers(-50, 250), st.integers(-1, 10)), max_size=12
    ),
    data=st.data(),
)
def test_leaf_stages_and_the_rest_are_the_total(power, spans, data):
    tree = StageTree()
    for k, (a, b, parent) in enumerate(spans):
        for edge, at in ((Edge.BEGIN, a), (Edge.END, b)):
            tree.add(
                Marker(
                    time_ns=time_ns(at), stage=f"s{k}", edge=edge, run_id="r", span_id=str(k),
                    parent_id=str(parent) if parent >= 0 else "", seq=k,
                )
            )  # fmt: skip
    start = data.draw(st.integers(0, len(power) - 1))
    stop = data.draw(st.integers(start, len(power)))
    stages = tree.stages(10**18)
    found = attribute(stages, INFO, start, stop, Known(power), "test")
    leaves = [used for used in found.stages if used.stage.leaf]
    total = math.fsum(used.energy_j for used in leaves) + found.unattributed.energy_j
    size = np.nansum(np.abs(power)) / RATE_HZ * 200
    assert total == pytest.approx(found.total.energy_j, rel=1e-9, abs=1e-12 * (1 + size))
    own = oracle(power, stages, start, stop)
    kept = {used.stage.span_id for used in found.stages}
    assert all(own[k] == 0.0 for k, s in enumerate(stages) if s.span_id not in kept)
    for used in found.stages:
        k = stages.index(used.stage)
        inside = [j for j, other in enumerate(stages) if is_inside(stages, other, stages[k])]
        expected = sum(own[j] for j in inside) / RATE_HZ
        assert used.energy_j == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert 0 <= used.coverage <= 1
    assert found.unattributed.energy_j == pytest.approx(
        (own[-1] + sum(own[k] for k, s in enumerate(stages) if not s.leaf)) / RATE_HZ,
        rel=1e-9, abs=1e-9,
    )  # fmt: skip


def is_inside(stages, stage_, around):
    """Whether a stage is another, or lies in it, by its parents."""
    while stage_ is not around:
        found = [s for s in stages if s.span_id == stage_.parent_id]
        if not found:
            return False
        stage_ = found[0]
    return True


def oracle(power, stages, start, stop):
    """What each stage owns, nobody last: sample by sample, as the rules say it."""
    starts = [min(max(INFO.index_at(s.start_ns), start), stop) for s in stages]
    stops = [
        min(max(INFO.index_at(s.stop_ns), a), stop) for s, a in zip(stages, starts, strict=True)
    ]

    def owner(at):
        running = [k for k in range(len(stages)) if starts[k] <= at < stops[k]]
        return max(running, key=lambda k: (stages[k].depth, starts[k], k), default=-1)

    owners = [owner(at) for at in range(start, stop)]
    slices = []
    for k, who in enumerate(owners):
        if not k or who != owners[k - 1]:
            slices.append((who, []))
        slices[-1][1].append(power[start + k])

    def mean(values):
        known = [v for v in values if not math.isnan(v)]
        return sum(known) / len(known) if known else None

    def around(who):
        while who >= 0:
            parents = [k for k, s in enumerate(stages) if s.span_id == stages[who].parent_id]
            if not parents:
                return None
            (who,) = parents
            lies_in = {k for k, s in enumerate(stages) if is_inside(stages, s, stages[who])}
            found = mean([v for owner, part in slices if owner in lies_in for v in part])
            if found is not None:
                return found
        return None

    def neighbour(k):
        before = [m for _, part in slices[:k] if (m := mean(part)) is not None][-1:]
        after = [m for _, part in slices[k:] if (m := mean(part)) is not None][:1]
        return sum(before + after) / len(before + after) if before or after else 0.0

    own = [0.0] * (len(stages) + 1)
    for k, (who, part) in enumerate(slices):
        value = mean(part)
        if value is None:
            value = mean([v for other, values in slices if other == who for v in values])
        if value is None:
            value = around(who)
        own[who] += (neighbour(k) if value is None else value) * len(part)
    return own


def test_dead_time_is_filled_inside_each_stage_and_never_across_a_marker():
    power = gap(np.repeat([100.0, 500.0], 1000), (800, 1300))
    found = table(power, stage("idle", 0, 1000), stage("busy", 1000, 2000))
    assert joules(found) == pytest.approx({"idle": 100.0, "busy": 500.0})
    assert [used.coverage for used in found.stages] == [0.8, 0.7]
    assert found.total.coverage == 0.75


def test_a_slice_that_nobody_saw_takes_the_mean_of_its_stage_then_of_what_is_around_it():
    power = gap(np.repeat([100.0, 500.0, 300.0, 700.0], 1000), (1000, 2000))
    run = stage("run", 0, 4000, leaf=False)
    before, after = stage("before", 500, 1000, "run", 1), stage("after", 2000, 3000, "run", 1)
    found = table(power, run, before, after)
    assert found.unattributed.energy_j == pytest.approx(50 + (50 + 700) / 1.5 + 700)
    lost = stage("lost", 1000, 2000, "run", 1)
    found = table(power, run, lost, after)
    assert joules(found)["lost"] == pytest.approx((100 + 300 + 700) / 3)
    assert found.stages[1].coverage == 0.0
    power = np.repeat([100.0, np.nan, 500.0], 1000)
    alone = table(power, stage("lost", 1000, 2000))
    assert joules(alone)["lost"] == pytest.approx((100.0 + 500.0) / 2), "the neighbours"
    nothing = table(np.full(100, np.nan), stage("lost", 0, 100))
    assert (joules(nothing)["lost"], nothing.total.coverage) == (0.0, 0.0)


def test_of_stages_that_overlap_the_later_owns_the_overlap():
    found = table(np.full(3000, 100.0), stage("a", 0, 2000), stage("b", 1000, 3000))
    assert joules(found) == pytest.approx({"a": 100.0, "b": 200.0})


def test_nothing_is_billed_outside_the_session():
    found = table(
        np.full(1000, 100.0), stage("early", -500, 200), stage("never", 5000, 6000),
        stage("running", 600, None), start=100, stop=900,
    )  # fmt: skip
    assert joules(found) == pytest.approx({"early": 10.0, "never": 0.0, "running": 30.0})
    early, never, running = found.stages
    assert (early.duration_s, running.duration_s) == pytest.approx((0.1, 0.3))
    assert math.isnan(never.mean_w)
    assert math.isnan(never.peak_w)
    assert never.coverage == 0.0
    assert found.total.duration_s == pytest.approx(0.8)


def test_negative_power_is_kept():
    found = table(np.full(1000, -5.0), stage("zero", 0, 500))
    assert joules(found) == pytest.approx({"zero": -2.5})
    assert found.total.energy_j == pytest.approx(-5.0)


def test_a_session_without_samples_or_stages_has_a_table():
    empty = attribute((), INFO, 0, 0, Known([0.0]), "test")
    assert empty.total.energy_j == 0.0
    assert math.isnan(empty.total.mean_w)
    assert empty.stages == ()
    assert table(np.full(10, 1.0)).unattributed.energy_j == pytest.approx(0.01)


def test_on_mains_dead_time_has_the_mean_of_whole_cycles():
    """p(t) pulsates between 0 and 600 W; 1 ms caught near its zero says nothing."""
    rate = 10_000.0
    power = 300 * (1 - np.cos(2 * np.pi * 100 * np.arange(10_000) / rate))
    stream = Stream(mains(10_000, volts=1.0, amps=600.0)).without((2000, 2190), (2201, 2400))
    track = stream.track(supply=Supply.MAINS)

    class Tracked:
        peak_window_s = 0.02

        def cumulative(self, indices):
            return track.cumulative(indices, stream.read)

        def steady(self, edges):
            return track.steady(edges, stream.read)

        def peak(self, start, stop):
            return track.peak(start, stop, stream.read)

    info = msgspec.structs.replace(INFO, sample_rate_hz=rate)
    stages = [
        Stage(
            name=name, path=name, span_id=name, run_id="r", parent_id="", depth=0, index=0,
            start_ns=info.time_ns(a), stop_ns=info.time_ns(b), leaf=True,
        )
        for name, a, b in (("long", 0, 2000), ("blind", 2000, 2400), ("rest", 2400, 10_000))
    ]  # fmt: skip
    found = attribute(stages, info, 0, 10_000, Tracked(), "test")
    blind = found.stages[1]
    assert blind.coverage == pytest.approx(11 / 400)
    assert blind.mean_w == pytest.approx(300.0, rel=0.03)
    assert found.total.energy_j == pytest.approx(power.mean(), rel=2e-3)
