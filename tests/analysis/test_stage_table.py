"""Where the energy of a recording went, as a table and as JSON."""

import json
import math

import msgspec
import numpy as np
import pytest
from fakes import INFO, RATE_HZ, T0_NS, dc_block, stage_edge
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.analysis.stage_table import stage_table, to_json_value
from monitor.model import NS, Edge
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

POWERS_W = [60, 60, 180, 180, 180, 360, 360, 60, 60, 60]  # tenths of a second
RUN = [
    stage_edge("run", Edge.BEGIN, 0.1, "r", seq=1),
    stage_edge("load", Edge.BEGIN, 0.2, "l", "r", seq=2),
    stage_edge("load", Edge.END, 0.5, "l", "r", seq=3),
    stage_edge("denoise", Edge.BEGIN, 0.5, "d", "r", seq=4),
    stage_edge("denoise", Edge.END, 0.7, "d", "r", seq=5),
    stage_edge("run", Edge.END, 0.9, "r", seq=6),
]


def steps(missing=()):
    """Blocks of a tenth of a second each."""
    return [dc_block(1000 * k, p) for k, p in enumerate(POWERS_W) if k not in missing]


@pytest.fixture
def table_of(tmp_path):
    def make(items):
        with Recorder(tmp_path / "r.h5", INFO) as recorder:
            for item in items:
                recorder.put(item)
        with Recording(tmp_path / "r.h5") as recording:
            return stage_table(recording, "r")

    return make


def by_path(table):
    return {used.stage.path: used for used in table.stages}


def test_each_stage_has_its_energy(table_of):
    table = table_of([*steps(), *RUN])
    used = by_path(table)
    assert list(used) == ["run", "run/load", "run/denoise"]
    assert used["run/load"].energy_j == pytest.approx(54.0, rel=1e-6)
    assert used["run/denoise"].energy_j == pytest.approx(72.0, rel=1e-6)
    assert used["run"].energy_j == pytest.approx(144.0, rel=1e-6)
    assert used["run/load"].mean_w == used["run/load"].peak_w == pytest.approx(180.0, rel=1e-6)
    assert (used["run"].duration_s, used["run"].coverage) == (0.8, 1.0)
    assert table.total.energy_j == pytest.approx(156.0, rel=1e-6)
    assert table.total.peak_w == pytest.approx(360.0, rel=1e-6)
    assert table.unattributed.duration_s == pytest.approx(0.5)
    assert table.peak_window_s == 1 / RATE_HZ


def test_dead_time_in_a_stage_has_the_mean_of_that_stage(table_of):
    table = table_of([*steps(missing=(3,)), *RUN])
    load = by_path(table)["run/load"]
    assert load.energy_j == pytest.approx(54.0, rel=1e-6)
    assert load.coverage == pytest.approx(2 / 3)
    assert table.total.coverage == 0.9


@given(st.sets(st.integers(0, 9), max_size=8), st.lists(st.floats(-0.2, 1.2), max_size=8))
@settings(max_examples=40)
def test_leaf_stages_and_the_rest_add_up_to_the_total(tmp_path_factory, missing, edges):
    marks = []
    for k, (a, b) in enumerate(zip(edges[::2], edges[1::2], strict=False)):
        for edge, at in ((Edge.BEGIN, min(a, b)), (Edge.END, max(a, b))):
            marks.append(stage_edge(f"s{k}", edge, at, f"{k}", f"{k - 1}" if k % 2 else "", seq=k))
    path = tmp_path_factory.mktemp("law") / "r.h5"
    with Recorder(path, INFO) as recorder:
        for item in [*steps(missing), *marks]:
            recorder.put(item)
    with Recording(path) as recording:
        value = to_json_value(stage_table(recording, "r"))
        sums, n = recording.cumulative(recording.bounds)
    leaves = sum(s["energy_j"] for s in value["stages"] if s["leaf"])
    rest, total = value["unattributed"]["energy_j"], value["total"]["energy_j"]
    assert leaves + rest == pytest.approx(total, rel=1e-9)
    if value["total"]["coverage"] == 1.0:
        assert total == pytest.approx(np.diff(sums[-1])[0] / RATE_HZ, rel=1e-9)
        assert np.diff(n)[0] == round(value["total"]["duration_s"] * RATE_HZ)
    assert [s["start_ns"] for s in value["stages"]] == sorted(
        s["start_ns"] for s in value["stages"]
    )


def test_the_json_has_exactly_the_agreed_names(table_of):
    value = to_json_value(table_of([*steps(), *RUN[:3]]))
    assert list(value) == ["session", "total", "unattributed", "peak_window_s", "stages"]
    assert list(value["total"]) == ["energy_j", "duration_s", "mean_w", "peak_w", "coverage"]
    assert list(value["unattributed"]) == ["energy_j", "duration_s"]
    run, load = value["stages"]
    assert list(run) == [
        "path", "index", "start_ns", "stop_ns", "duration_s", "energy_j", "mean_w", "peak_w",
        "coverage", "truncated", "status", "timing", "warmup", "outside_s", "edge_uncertainty_s",
        "name", "leaf", "depth",
    ]  # fmt: skip
    assert (run["name"], run["stop_ns"], run["leaf"], run["depth"]) == ("run", None, False, 0)
    assert (load["path"], load["leaf"], load["depth"]) == ("run/load", True, 1)
    assert load["start_ns"] == T0_NS + round(0.2 * NS)
    assert value["session"] == "r"


def test_the_json_has_an_uncertainty_where_the_calibration_states_one(table_of):
    table = table_of([*steps(), *RUN[:3]])
    uncertain = msgspec.structs.replace(
        table,
        total=msgspec.structs.replace(table.total, u_j=2.0),
        unattributed=msgspec.structs.replace(table.unattributed, u_j=0.0),
        stages=tuple(msgspec.structs.replace(used, u_j=1.0) for used in table.stages),
    )
    value = to_json_value(uncertain)
    assert (value["total"]["u_j"], value["unattributed"]["u_j"]) == (2.0, 0.0)
    assert [stage["u_j"] for stage in value["stages"]] == [1.0, 1.0]


def test_what_is_not_known_is_null(table_of):
    short = [stage_edge("e", edge, 0.5, "x") for edge in (Edge.BEGIN, Edge.END)]
    value = to_json_value(table_of([*steps(), *short]))
    (stage,) = value["stages"]
    assert (stage["mean_w"], stage["peak_w"], stage["energy_j"]) == (None, None, 0.0)
    json.dumps(value, allow_nan=False)


def test_a_stage_that_was_over_before_is_left_out(table_of):
    early = [stage_edge("e", edge, at, "x") for edge, at in ((Edge.BEGIN, -2), (Edge.END, -1))]
    assert table_of([*steps(), *early]).stages == ()


def test_what_was_not_recorded_of_a_stage_is_told(table_of):
    marks = [
        stage_edge(name, edge, at, name, seq=seq)
        for seq, (name, edge, at) in enumerate(
            (
                ("early", Edge.BEGIN, -0.25),
                ("early", Edge.END, 0.5),
                ("whole", Edge.BEGIN, 0.6),
                ("whole", Edge.END, 0.8),
                ("late", Edge.BEGIN, 0.9),
                ("late", Edge.END, 1.5),
            )
        )
    ]
    value = to_json_value(table_of([*steps(), *marks]))
    told = {stage["name"]: (stage["duration_s"], stage["outside_s"]) for stage in value["stages"]}
    assert told["early"] == pytest.approx((0.5, 0.25))
    assert told["whole"] == pytest.approx((0.2, 0.0))
    assert told["late"] == pytest.approx((0.1, 0.5))


def test_a_table_without_stages_is_all_unattributed(table_of):
    table = table_of(steps())
    assert table.stages == ()
    assert math.isclose(table.unattributed.energy_j, table.total.energy_j)
