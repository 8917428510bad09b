"""What is left of a split recording is answered from its summaries, whichever parts are missing."""

import contextlib
import itertools
import math
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording.test_summaries import blocks, stream

from monitor.config import RecordingSettings
from monitor.model import Summary, Supply
from monitor.recording.in_memory import InMemory
from monitor.recording.part_name import part_path
from monitor.recording.parts import Parts
from monitor.recording.reader import Recording
from monitor.recording.stored import Stored

EACH_TIME = RecordingSettings(split_hours=1e-12)


@contextlib.contextmanager
def what_is_left(given_blocks, missing, what=None, opened=1):
    """The recording of a part for each block without some parts, and what its samples say."""
    what = what or stream()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.h5"
        parts = Parts(path, what, {}, how=EACH_TIME)
        for order, block in enumerate(given_blocks):
            parts.append([(order, block)])
            parts.flush()
        parts.close(complete=True, n_dropped=0)
        for number in missing:
            part_path(path, number).unlink(missing_ok=True)
        with Recording(part_path(path, opened)) as recording:
            assert isinstance(recording._answers.reduced, Stored)
            yield recording, InMemory(path, what, recording._samples, None)


@st.composite
def split_streams(draw):
    """Return the lengths of parts, the gaps before them, and which are missing."""
    n = draw(st.integers(2, 7))
    lengths = st.integers(1, 9000) | st.sampled_from([1024, 2048, 40_000, 150_000])
    gaps = st.sampled_from([0, 0, 1, 700])
    missing = draw(st.sets(st.integers(2, n), max_size=n - 1))
    return [draw(lengths) for _ in range(n)], [draw(gaps) for _ in range(n)], missing


places = st.lists(st.floats(-0.1, 1.1), min_size=2, max_size=8)


def indices(recording, shares):
    """Indices in a recording, and where its samples begin and end."""
    start, stop = recording.bounds
    edges = [*recording._samples.starts, *recording._samples.stops]
    return np.unique([*edges, *(start + round(share * (stop - start)) for share in shares)])


def check_sums_and_extremes(recording, oracle, at):
    sums, n = recording.cumulative(at)
    expected, n_expected = oracle.cumulative(at)
    assert n.tolist() == n_expected.tolist()
    assert sums == pytest.approx(expected, rel=1e-9, abs=1e-5)
    # What is a difference of running totals is as exact as these.
    whole = recording.summary(*recording.bounds)
    for a, b in itertools.pairwise(at.tolist()):
        samples = recording.read(a, b)
        samples = samples[:, ~np.isnan(samples[-1])]
        for one, row, total in zip(recording.summary(a, b), samples, whole, strict=True):
            truth = Summary.of(row)
            assert (one.n, one.min, one.max) == (truth.n, truth.min, truth.max)
            most = math.sqrt(total.n * total.sum_sq)
            assert one.sum == pytest.approx(truth.sum, rel=1e-9, abs=1e-5 + 1e-12 * most)
            near = 1e-5 + 1e-12 * total.sum_sq
            assert one.sum_sq == pytest.approx(truth.sum_sq, rel=1e-9, abs=near)
        assert recording.peak(a, b) == pytest.approx(oracle.peak(a, b), nan_ok=True)


@given(split_streams(), places)
@settings(max_examples=25, deadline=None)
def test_sums_and_extremes_are_those_of_the_samples_that_are_left(cut, shares):
    lengths, gaps, missing = cut
    given_blocks = blocks(lengths, gaps, start=12_345)
    with what_is_left(given_blocks, missing) as (recording, oracle):
        assert recording.n_files == len(lengths) - len(missing)
        check_sums_and_extremes(recording, oracle, indices(recording, shares))


@given(split_streams(), places)
@settings(max_examples=15, deadline=None)
def test_a_part_by_itself_is_answered_from_its_summaries_too(cut, shares):
    lengths, gaps, _ = cut
    with what_is_left(blocks(lengths, gaps), (), opened=2) as (recording, oracle):
        assert recording.part == 2
        check_sums_and_extremes(recording, oracle, indices(recording, shares))


@given(split_streams(), places, st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_a_view_shows_the_extremes_of_every_column(cut, shares, n_columns):
    lengths, gaps, missing = cut
    with what_is_left(blocks(lengths, gaps, start=-777), missing) as (recording, _):
        start, stop = recording.bounds
        a, b = sorted(start + round(share * (stop - start)) for share in shares[:2])
        b = max(b, a + 1)
        view = recording.view(a, b, n_columns, (), ())
        samples = recording.read(a, b)
    assert (view.edges[0], view.edges[-1]) == (a, b)
    assert (np.diff(view.edges) >= 0).all()
    for k, (p, q) in enumerate(itertools.pairwise(view.edges)):
        column = samples[:, p - a : q - a]
        lowest = np.fmin.reduce(column, axis=1, initial=np.inf)
        lowest[np.isinf(lowest)] = np.nan
        np.testing.assert_array_equal(view.low[:, k], lowest)
        highest = np.fmax.reduce(column, axis=1, initial=-np.inf)
        highest[np.isinf(highest)] = np.nan
        np.testing.assert_array_equal(view.high[:, k], highest)


def test_on_dc_windows_and_ramps_are_those_of_whole_bins():
    with what_is_left(blocks([150_000] * 5, [0] * 5), {2, 4}) as (recording, oracle):
        at = np.linspace(*recording.bounds, 300).astype(np.int64)
        for window_s in (0.1, 1.0):
            mean, coverage = recording._answers.reduced.averages(at, window_s)
            expected, covered = oracle.averages(at, window_s)
            some = covered > 0.5
            size = np.nanmax(np.abs(expected))
            assert mean[some] == pytest.approx(expected[some], abs=0.05 * size)
            assert coverage == pytest.approx(covered, abs=0.03)
        ramps, expected = recording._answers.reduced.ramp_extremes(0.1), oracle.ramp_extremes(0.1)
        assert np.isfinite(ramps).all()
        assert ramps == pytest.approx(expected, rel=0.2)


def test_on_mains_what_is_left_is_made_of_whole_cycles():
    what = stream(supply=Supply.AUTO, rate_hz=20_000.0)
    given_blocks = list(blocks([20_100] * 5, [0] * 5, hz=50.0, rate_hz=20_000.0))
    with what_is_left(given_blocks, {2, 3}, what) as (recording, oracle):
        assert recording.supply is Supply.MAINS
        hole, (start, stop) = (20_100, 60_300), recording.bounds
        whole = recording._answers.reduced._cycles
        inside = (whole.stops <= hole[0]) | (whole.starts >= hole[1])
        assert inside.all()
        assert len(whole) == pytest.approx(3 * 50, abs=3)
        edges = np.array([start, 18_000, 62_000, stop])
        got, expected = (each.steady(edges) for each in (recording._answers.reduced, oracle))
        sums, n = got
        assert sums / n == pytest.approx(expected[0] / expected[1], rel=1e-3)
        assert recording.peak(65_000, stop) == pytest.approx(oracle.peak(65_000, stop))


def test_a_part_whose_last_summaries_are_lost_costs_them_and_no_number():
    """Bins that are missing at the end of a part must not shift those of the next."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.h5"
        parts = Parts(path, stream(), {}, how=EACH_TIME)
        for order, block in enumerate(blocks([50_000] * 4, [0] * 4)):
            parts.append([(order, block)])
            parts.flush()
        parts.close(complete=True, n_dropped=0)
        with h5py.File(part_path(path, 2), "r+") as file:
            for name, data in file["summaries"].items():
                if name.startswith(("extremes", "totals")):
                    data.resize(data.shape[1] // 2, axis=1)
        with Recording(path) as recording:
            assert "its summaries are not used" in recording.unused
            oracle = InMemory(path, stream(), recording._samples, None)
            check_sums_and_extremes(recording, oracle, indices(recording, [0.1, 0.45, 0.7]))


def test_no_more_is_read_to_open_what_is_left_than_what_is_whole(monkeypatch):
    with what_is_left(blocks([150_000] * 6, [0] * 6), {3}) as (recording, _):
        n_read = []
        at = recording._samples.at

        def counted(begin, end):
            n_read.append(end - begin)
            return at(begin, end)

        with Recording(recording.path) as again:
            monkeypatch.setattr(again._samples, "at", counted)
            monkeypatch.setattr(again._samples, "passing", None)
            again.view(*again.bounds, 100, (1.0,), (1.0,))
        assert sum(n_read) < 20_000
