"""What a recording tells of its markers: how late they are, and when that cannot be told."""

import math

import numpy as np
import pytest
from fakes import T0_NS

from monitor.analysis.alignment import BURST, align
from monitor.errors import RecordingError
from monitor.model import (
    NS,
    Block,
    Channel,
    Edge,
    Marker,
    Quantity,
    Scale,
    StreamInfo,
    Supply,
)  # fmt: skip
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.terminal.alignment import lines, verdict

RATE_HZ = 20_000.0
INFO = StreamInfo(
    channels=(Channel(name="power", quantity=Quantity.POWER),), sample_rate_hz=RATE_HZ,
    t0_ns=T0_NS, t0_uncertainty_ns=0, dtype="int16", continuous=True, supply=Supply.DC,
)  # fmt: skip
N_BURSTS = 15


def edges_s(seed=3):
    lengths = np.random.default_rng(seed).uniform(0.15, 0.6, 2 * N_BURSTS)
    at = 1.0 + np.cumsum(lengths)
    return at[::2], at[1::2]


def recorded(path, *, marker_late_s=0.0, height=300, more=(), sender=""):
    """Record bursts whose markers come too late by some time."""
    begins, ends = edges_s()
    n = int((ends[-1] + 1.0) * RATE_HZ)
    at = np.arange(n) / RATE_HZ
    on = sum((at >= b) & (at < e) for b, e in zip(begins, ends, strict=True))
    codes = np.rint(100 + height * on + np.random.default_rng(1).normal(0, 5, n)).astype(np.int16)
    with Recorder(path, INFO) as recorder:
        for marker in more:
            recorder.mark(marker)
        for k, span in enumerate(zip(begins, ends, strict=True)):
            for edge, at_s in zip((Edge.BEGIN, Edge.END), span, strict=True):
                recorder.mark(
                    Marker(
                        time_ns=T0_NS + round((at_s + marker_late_s) * NS), received_ns=1,
                        stage=BURST, edge=edge, span_id=f"s{k}", run_id="r", sender=sender,
                    )
                )  # fmt: skip
        for start in range(0, n, 10_000):
            part = codes[np.newaxis, start : start + 10_000]
            recorder.write(
                Block(
                    start=start, codes=part, scales=(Scale(1.0, 0.0),), clipped=(0,),
                    host_ns=INFO.time_ns(start), host_uncertainty_ns=0,
                )
            )  # fmt: skip
    return path


def found_in(path, stage=None):
    with Recording(path) as recording:
        return align(recording, stage)


@pytest.mark.parametrize("late_s", [0.0, 0.02, -0.02, 1.7])
def test_markers_that_are_late_are_found_to_be(tmp_path, late_s):
    found = found_in(recorded(tmp_path / "a.h5", marker_late_s=late_s))
    assert min(found.n_stages, found.begin.n_seen, found.end.n_seen) >= N_BURSTS - 2
    assert found.correlation > 0.9
    for each in (found.begin, found.end):
        assert each.middle_s == pytest.approx(-late_s, abs=2e-4)
        assert each.u_s < 2e-4
    assert (found.begin.step_w, found.end.step_w) == pytest.approx((300, -300), abs=5)
    assert ("beyond the bound" in verdict(found)) == (late_s != 0.0)


def test_a_clock_that_was_compared_is_within_its_bound(tmp_path):
    ahead_ns = 3 * NS
    times = {"t0_ns": T0_NS, "t3_ns": T0_NS + 400_000}
    times |= {"t1_ns": T0_NS + 200_000 + ahead_ns, "t2_ns": T0_NS + 210_000 + ahead_ns}
    clock = Marker(
        time_ns=times["t1_ns"], received_ns=times["t3_ns"], stage="clock", edge=Edge.INSTANT,
        run_id="r", sender="s", attrs=times,
    )  # fmt: skip
    path = recorded(tmp_path / "a.h5", marker_late_s=3.0, more=[clock], sender="s")
    found = found_in(path)
    assert 1.9e-4 <= found.clock_bound_s < 0.01
    assert abs(found.begin.middle_s) <= found.bound_s + 1e-4
    assert verdict(found) == "the begins lie within the bound"


def test_where_power_does_not_follow_nothing_is_claimed(tmp_path):
    path = recorded(tmp_path / "a.h5", height=0)
    with pytest.raises(RecordingError, match=r"expected power that follows the stages 'burst'"):
        found_in(path)


def test_a_stage_that_is_not_there_is_told_with_those_that_are(tmp_path):
    path = recorded(tmp_path / "a.h5")
    with pytest.raises(RecordingError, match=r"got none; it holds burst \(15\); choose"):
        found_in(path, "denoise")


def test_nothing_to_see_is_said_in_words(tmp_path):
    found = found_in(recorded(tmp_path / "a.h5"))
    assert next(lines(found)).startswith("15 stages 'burst'; power follows them with a corr")
    blind = type(found)(
        stage="s", n_stages=1, correlation=1.0, end=found.end, clock_bound_s=0.0, time_bound_s=0.0,
        begin=type(found.begin)(1, 0, 1, 0, *(math.nan,) * 5),
    )  # fmt: skip
    assert "begin  not known: 0 of 1 edges, 1 not captured" in list(lines(blind))
    assert verdict(blind).startswith("too few begins were captured")
