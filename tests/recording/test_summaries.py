"""A recording answers from its summaries what it would answer from its samples."""

import contextlib
import itertools
import tempfile
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording.sessions import info

from monitor.model import Block, Calibration, Channel, Probe, Quantity, Scale, Summary, Supply
from monitor.recording.in_memory import InMemory
from monitor.recording.reader import Recording
from monitor.recording.rebuild import rebuild
from monitor.recording.recorder import Recorder
from monitor.recording.stored import Stored

SCALES = (Scale(0.0125, 0.5), Scale(0.001, 0.0))
OTHER = (Scale(0.025, 0.5), Scale(0.002, 0.0))


def stream(*, supply=Supply.DC, rate_hz=100_000.0, deskew_s=0.0):
    """A voltage and a current, the latter perhaps late."""
    late = Probe(calibration=Calibration(deskew_s=deskew_s))
    return info(
        channels=(
            Channel(name="v", quantity=Quantity.VOLTAGE),
            Channel(name="i", quantity=Quantity.CURRENT, probe=late),
        ),
        sample_rate_hz=rate_hz,
        supply=supply,
    )


def blocks(lengths, gaps, *, start=0, seed=0, hz=None, rate_hz=100_000.0):
    """Blocks of noise, or of mains, some after gaps, some of another scale."""
    rng = np.random.default_rng(seed)
    at = start
    for k, (n, gap) in enumerate(zip(lengths, gaps, strict=True)):
        at += gap
        codes = rng.integers(-30_000, 30_000, (2, n))
        if hz is not None:
            angle = 2 * np.pi * hz * (at + np.arange(n)) / rate_hz
            codes = codes // 50 + np.stack((26_000 * np.sin(angle), 9000 * np.sin(angle - 0.3)))
        yield Block(at, codes.astype(np.int16), (SCALES, OTHER)[k % 3 == 2], (0, 0), 0, 0)
        at += n


@contextlib.contextmanager
def both(given_blocks, what=None):
    """The recording, and what its samples say."""
    what = what or stream()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.h5"
        with Recorder(path, what) as recorder:
            for block in given_blocks:
                recorder.write(block)
        assert recorder.state.error == ""
        with Recording(path) as recording:
            assert isinstance(recording._answers.reduced, Stored)
            yield recording, InMemory(path, what, recording._samples, None)


lengths = st.lists(st.integers(1, 9000), min_size=1, max_size=8)
places = st.lists(st.floats(-0.1, 1.1), min_size=2, max_size=8)


@st.composite
def cut_streams(draw):
    """Return lengths of blocks and the gaps before them."""
    found = draw(lengths)
    gaps = draw(st.lists(st.sampled_from([0, 0, 1, 700, 50_000]), min_size=8, max_size=8))
    return found, gaps[: len(found)]


@given(cut_streams(), places, st.sampled_from([0.0, 3.3e-5]))
@settings(max_examples=30)
def test_sums_and_extremes_are_those_of_the_samples(cut, shares, deskew_s):
    given_blocks = list(blocks(*cut, start=12_345))
    with both(given_blocks, stream(deskew_s=deskew_s)) as (recording, oracle):
        start, stop = recording.bounds
        at = np.sort([start + round(share * (stop - start)) for share in shares])
        sums, n = recording.cumulative(at)
        expected, n_expected = oracle.cumulative(at)
        assert n.tolist() == n_expected.tolist()
        assert sums == pytest.approx(expected, rel=1e-9, abs=1e-6)
        for a, b in itertools.pairwise(at.tolist()):
            samples = recording.read(a, b)
            samples = samples[:, ~np.isnan(samples[-1])]
            for one, row in zip(recording.summary(a, b), samples, strict=True):
                truth = Summary.of(row)
                assert (one.n, one.min, one.max) == (truth.n, truth.min, truth.max)
                assert one.sum == pytest.approx(truth.sum, rel=1e-9, abs=1e-6)
                assert one.sum_sq == pytest.approx(truth.sum_sq, rel=1e-9, abs=1e-6)
            assert recording.peak(a, b) == pytest.approx(oracle.peak(a, b), nan_ok=True)


@given(cut_streams(), places, st.integers(1, 40))
@settings(max_examples=40)
def test_a_view_shows_the_extremes_of_every_column(cut, shares, n_columns):
    given_blocks = list(blocks(*cut, start=-777))
    with both(given_blocks) as (recording, _):
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


def test_a_view_of_more_gaps_than_columns_hides_no_extreme():
    given_blocks = list(blocks([1000] * 300, [1500] * 300))
    with both(given_blocks) as (recording, _):
        start, stop = recording.bounds
        view = recording.view(start, stop, 100, (), ())
        samples = recording.read(start, stop)
    assert np.nanmin(view.low, axis=1).tolist() == np.nanmin(samples, axis=1).tolist()
    assert np.nanmax(view.high, axis=1).tolist() == np.nanmax(samples, axis=1).tolist()
    assert not np.isnan(view.low).any()


@pytest.mark.parametrize("gap", [0, 30_000])
def test_on_mains_every_answer_is_made_of_the_same_cycles(gap):
    what = stream(supply=Supply.AUTO, rate_hz=20_000.0)
    cut = [20_000, 30_000, 4000], [0, gap, 0]
    with both(blocks(*cut, hz=50.0, rate_hz=20_000.0), what) as (recording, oracle):
        assert recording.supply is oracle.supply is Supply.MAINS
        assert recording.peak_window_s == pytest.approx(oracle.peak_window_s)
        at = np.linspace(*recording.bounds, 77).astype(np.int64)
        for window_s in (0.02, 1.0):
            got, expected = (
                recording._answers.reduced.averages(at, window_s),
                oracle.averages(at, window_s),
            )
            assert got[0] == pytest.approx(expected[0], rel=1e-9, nan_ok=True)
            assert got[1] == pytest.approx(expected[1])
            ramps = oracle.ramps(at, window_s)
            assert recording._answers.reduced.ramps(at, window_s) == pytest.approx(
                ramps, rel=1e-6, abs=1e-6, nan_ok=True
            )
        assert recording.ramp_extremes(0.1) == pytest.approx(oracle.ramp_extremes(0.1), rel=1e-6)
        edges = np.asarray([0, 777, 25_000, 50_000])
        for got, expected in zip(recording.steady(edges), oracle.steady(edges), strict=True):
            assert got == pytest.approx(expected, rel=1e-9)
        assert recording.peak(777, 50_000) == pytest.approx(oracle.peak(777, 50_000), rel=1e-9)


def test_on_dc_windows_are_those_of_a_track_or_of_whole_bins():
    with both(blocks([400_000, 200_000], [0, 5000]), stream()) as (recording, oracle):
        at = np.arange(100_000, 600_000, 50_000)
        for window_s in (0.001, 0.02):  # short: made of samples
            assert recording._answers.reduced.averages(at, window_s)[0] == pytest.approx(
                oracle.averages(at, window_s)[0], rel=1e-9
            )
        got, coverage = recording._answers.reduced.averages(at, 1.0)
        for end, mean, share in zip(at.tolist(), got, coverage, strict=True):
            window = recording.read(end - 100_000, end)[-1]
            swing = float(np.ptp(window[~np.isnan(window)]))
            assert mean == pytest.approx(np.nanmean(window), abs=swing * 0.02)
            assert share == pytest.approx(np.mean(~np.isnan(window)), abs=0.02)
        up, down = recording.ramp_extremes(1.0)
        assert down <= up


def test_the_summaries_cost_at_most_5_percent(tmp_path):
    sizes = []
    for n_blocks in (20, 60):
        path = tmp_path / f"{n_blocks}.h5"
        with Recorder(path, stream()) as recorder:
            for block in blocks([100_000] * n_blocks, [0] * n_blocks):
                recorder.write(block)
        sizes.append(path.stat().st_size)
    assert sizes[1] - sizes[0] < 1.05 * 4 * 4_000_000


def corrected(path, probe):
    """Change a probe as a correction does."""
    with h5py.File(path, "r+") as file:
        what = msgspec.json.decode(file.attrs["info"])
        what["channels"][1]["probe"] = msgspec.to_builtins(probe)
        file.attrs["info"] = msgspec.json.encode(what).decode()


def test_summaries_of_other_probes_are_not_used(tmp_path):
    path = tmp_path / "r.h5"
    with Recorder(path, stream()) as recorder:
        recorder.write(next(blocks([5000], [0])))
    with Recording(path) as recording:
        before = recording.cumulative([5000])[0]
    corrected(path, Probe(ratio=2.0))
    with Recording(path) as recording:
        assert isinstance(recording._answers.reduced, InMemory)
        assert recording.cumulative([5000])[0][1:] == pytest.approx(2 * before[1:], rel=1e-6)
    corrected(path, Probe(note="another name changes no number"))
    with Recording(path) as recording:
        assert isinstance(recording._answers.reduced, Stored)


def test_summaries_that_are_made_anew_are_those_of_a_recorder(tmp_path):
    path = tmp_path / "r.h5"
    what = stream(supply=Supply.AUTO, rate_hz=20_000.0, deskew_s=1e-4)
    with Recorder(path, what) as recorder:
        for block in blocks([9000, 30_000, 5000], [5, 0, 800], hz=50.0, rate_hz=20_000.0):
            recorder.write(block)
    with h5py.File(path, "r+", libver="latest") as file:
        before = {name: data[:] for name, data in file["summaries"].items()}
        rebuild(file, path)
        after = {name: data[:] for name, data in file["summaries"].items()}
    assert before.keys() == after.keys()
    assert before["cycles"].shape[1] > 60
    for name, rows in before.items():
        np.testing.assert_array_equal(after[name], rows)
    with Recording(path) as recording:
        assert isinstance(recording._answers.reduced, Stored)


def test_a_file_of_version_1_still_opens(tmp_path):
    path = tmp_path / "r.h5"
    with Recorder(path, stream()) as recorder:
        recorder.write(next(blocks([5000], [0])))
    with Recording(path) as recording:
        expected = recording.cumulative([4321])[0]
    with h5py.File(path, "r+") as file:
        del file["summaries"]
        file.attrs["schema_version"] = 1
    with Recording(path) as recording:
        assert recording.schema_version == 1
        assert isinstance(recording._answers.reduced, InMemory)
        assert recording.cumulative([4321])[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    "damage",
    [
        lambda group: group.__delitem__("extremes_0"),
        lambda group: group.attrs.__delitem__("made_with"),
        lambda group: group["totals_0"].attrs.__setitem__("hop", 0),
        lambda group: group["extremes_1"].attrs.__setitem__("hop", 3),
        lambda group: group["totals_1"].attrs.__setitem__("hop", "x"),
    ],
)
def test_summaries_that_contradict_themselves_are_not_used(tmp_path, damage):
    path = tmp_path / "r.h5"
    with Recorder(path, stream()) as recorder:
        recorder.write(next(blocks([5000], [0])))
    with h5py.File(path, "r+") as file:
        damage(file["summaries"])
    with Recording(path) as recording:
        assert isinstance(recording._answers.reduced, InMemory)
        assert recording.n_samples == 5000
