"""Repair, cut, merge, export and calibrate do not take what changed for the truth."""

import io
import json
import shutil

import h5py
import numpy as np
import pytest
from keeping.test_tools import N_BLOCKS, N, at, blocks, record, states
from recording.damage import age, change, flip, flip_text, rewrite
from recording.sessions import info, same
from recording.test_damage import MAINS
from recording.test_summaries import blocks as waves
from rich.console import Console

from monitor.analysis.stage_table import stage_table
from monitor.calibration.recordings import correct
from monitor.errors import RecordingError
from monitor.export.choice import choose
from monitor.export.description import Job
from monitor.export.export import export
from monitor.export.selection import select
from monitor.export.stage_rows import stage_rows
from monitor.keeping.cut import cut
from monitor.keeping.merge import merge
from monitor.keeping.repair import repair
from monitor.keeping.verify import verify
from monitor.model import Marker, Probe, Reading
from monitor.recording.info import info as recording_info
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.terminal.live import facts


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return record(tmp_path_factory.mktemp("made") / "r.h5")


@pytest.fixture
def copy(made, tmp_path):
    return tmp_path / shutil.copy(made, tmp_path / "c.h5")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "o.h5"


def found(path):
    return {each.name: each for each in verify(path)}


def made_by(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["settings"])["made_by"]


def is_whole(path, original):
    with Recording(path) as one, Recording(original) as other:
        items = zip(one.items(), other.items(), strict=True)
        return all(same(a, b) for a, b in items) and one.info == other.info


def flip_info(path):
    rewrite(path, "info", '"ratio":10.0', '"ratio":30.0')


@pytest.mark.parametrize(
    ("name", "place", "byte"),
    [
        ("scales", (0, 1), 6),
        ("blocks", 7, 8),
        ("blocks", 7, 17),
        ("blocks", 0, 25),
        ("markers", 3, 8),
        ("marker_json", 333, 0),
        ("readings", 3, 30),
        ("slow_channels", 12, 0),
    ],
)
def test_a_bit_that_flipped_in_a_table_is_put_back_by_repair(made, copy, out, name, place, byte):
    flip(copy, name, place, byte, 5)
    assert "fail" in {each.state for each in verify(copy)}
    (text,) = repair(copy, out)
    assert text.startswith("one bit of rows ")
    assert text.endswith(f"of {name} had flipped, and was put back")
    assert text in made_by(out)
    assert is_whole(out, made)
    assert set(states(out).values()) == {"ok"}


@pytest.mark.parametrize("bit", [0, 3, 6])
def test_so_is_one_in_an_info(made, copy, out, bit):
    flip_text(copy, "info", 57, bit)
    assert "fail" in {each.state for each in verify(copy)}
    assert repair(copy, out) == ("one bit of the attribute info had flipped, and was put back",)
    assert is_whole(out, made)


def test_blocks_whose_rows_were_lost_are_a_gap_and_the_rest_is_saved(copy, out):
    with h5py.File(copy, "r+") as file:
        rows = file["blocks"][:]
        rows["n"][12] = 2**40
        rows["start"][12] = 3
        file["blocks"][:] = rows
    assert found(copy)["structure"].state == "fail"
    assert "wattstage repair" in found(copy)["structure"].fix
    (text,) = repair(copy, out)
    assert text.endswith("they are left out; there is a gap in their place")
    with Recording(out) as whole:
        n_left = whole.n_blocks
        assert [b.start for b in blocks(whole)] == [k * N for k in range(N_BLOCKS) if k // 8 != 1]
    assert n_left == N_BLOCKS - 8
    assert set(states(out).values()) <= {"ok", "warn"}


def test_codes_that_changed_are_a_gap_no_longer_than_their_piece(made, copy, out):
    change(copy, "codes", (0, slice(70_000, 70_100)), 1)
    assert found(copy)["checksum"].state == "fail"
    (text,) = repair(copy, out)
    assert text.startswith("codes changed since it was recorded, within ")
    assert text.endswith("there is a gap in their place")
    assert text in made_by(out)
    with Recording(out) as left, Recording(made) as whole:
        (gap,) = _gaps(left)
        assert gap[0] <= 70_000 < 70_100 <= gap[1]
        assert gap[1] - gap[0] <= 65_536
        for start, stop in ((0, gap[0]), (gap[1], N * N_BLOCKS)):
            assert np.array_equal(left.read(start, stop), whole.read(start, stop))
        assert len(left.markers) == len(whole.markers)
    assert states(out)["checksum"] == states(out)["summaries"] == "ok"


def _gaps(recording):
    ends, found_gaps = 0, []
    for block in blocks(recording):
        if block.start > ends:
            found_gaps.append((ends, block.start))
        ends = block.stop
    return found_gaps


def test_markers_and_readings_that_changed_are_left_out(made, copy, out):
    change(copy, "marker_json", slice(300, 303), ord("!"))
    with h5py.File(copy, "r+") as file:
        rows = file["readings"][:]
        rows["value"][30:] = 5.0
        file["readings"][:] = rows
    told = repair(copy, out)
    assert len(told) == 2
    with Recording(made) as whole, Recording(out) as left:
        for kind in (Marker, Reading):
            had = [repr(item) for item in whole.items() if isinstance(item, kind)]
            has = [repr(item) for item in left.items() if isinstance(item, kind)]
            assert has == [item for item in had if item in has]
            assert len(has) < len(had)
        assert left.n_samples == whole.n_samples


def test_without_the_channels_of_readings_there_are_none(copy, out):
    change(copy, "slow_channels", slice(10, 14), ord("x"))
    assert any("its slow channels changed" in text for text in repair(copy, out))
    with Recording(out) as left:
        assert (len(left.slow), left.n_blocks) == (0, N_BLOCKS)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (flip_info, None),
        (lambda path: rewrite(path, "info", '"ratio":10.0', '"ratio":77.5'), "its info, which"),
        (lambda path: change(path, "scales", 0, 3.0), "its blocks, or what they point to"),
    ],
)
def test_what_nothing_can_be_trusted_without_is_refused(made, copy, out, damage, why):
    damage(copy)
    if why is None:
        repair(copy, out)
        assert is_whole(out, made)
        return
    with pytest.raises(RecordingError, match=why):
        repair(copy, out)
    assert not out.exists()


def test_settings_that_changed_are_kept_and_told(copy, out):
    rewrite(copy, "settings", "{}", '{"a":"b"}')
    (text,) = repair(copy, out)
    assert (
        text == "its settings changed since it was recorded: what was set, and notes, may be wrong"
    )
    assert text in made_by(out)


def test_of_a_file_without_such_checksums_repair_tells_what_it_cannot_decide(copy, out):
    age(copy)
    flip_info(copy)
    assert found(copy)["summaries"].state == "fail"
    assert "repair" not in found(copy)["summaries"].fix
    (text,) = repair(copy, out)
    assert text.startswith("its info or its summaries changed")
    assert text in made_by(out)


def test_a_cut_tells_of_what_changed_in_it_and_of_nothing_else(copy, out, tmp_path, caplog):
    flip(copy, "codes", (0, 100))
    with Recording(copy) as whole:
        cut(whole, 150_000, 160_000, out)
        assert made_by(out) == "cut of c.h5, samples 150000 to 160000"
        assert caplog.text == ""
        cut(whole, 0, 1000, tmp_path / "p.h5")
    assert "codes changed since it was recorded" in caplog.text
    assert "codes changed since it was recorded" in made_by(tmp_path / "p.h5")


def test_a_merge_tells_of_what_changed_in_either(copy, out, tmp_path):
    late = record(tmp_path / "late.h5", info(t0_ns=at(10**6)), n_blocks=3)
    flip(late, "scales", (0, 1), 6)
    with Recording(copy) as a, Recording(late) as b:
        merge(a, b, out)
    assert "its scales changed since it was recorded" in made_by(out)


def test_an_export_tells_of_what_changed_in_it(copy, tmp_path, caplog):
    flip(copy, "codes", (0, 100))
    with Recording(copy) as recording:
        job = Job(recording, select(recording, span="0s:0.01s"))
        export(job, tmp_path / "o.csv", choose("", tmp_path / "o.csv"))
    (text,) = json.loads((tmp_path / "o.csv.json").read_text())["doubts"]
    assert text.startswith("codes changed since it was recorded")
    assert text in caplog.text


def test_the_tables_of_stages_say_what_changed(copy):
    flip(copy, "scales", (0, 1), 6)
    with Recording(copy) as recording:
        (text,) = recording.damage
        assert text in stage_rows(recording, stage_table(recording, "c")).about
        shown = Console(width=300, file=io.StringIO())
        shown.print(facts("c.h5", recording_info(recording)))
        assert text in shown.file.getvalue()


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_correction_has_checksums_of_its_own(copy, out, is_rewritten):
    path = copy
    if is_rewritten:
        repair(copy, out)
        path = out
    correct(path, {"voltage": Probe(ratio=20.0)}, "it was 20x")
    with Recording(path) as recording:
        assert recording.warnings == ()
    assert set(states(path).values()) == {"ok"}
    cut_of_it = path.with_name("cut.h5")
    with Recording(path) as recording:
        cut(recording, 0, 1000, cut_of_it)
    assert set(states(cut_of_it).values()) == {"ok"}
    with Recording(cut_of_it) as recording:
        assert (len(recording.corrections), recording.warnings) == (1, ())


def test_a_correction_makes_no_truth_of_what_changed(copy, out):
    repair(copy, out)
    flip(out, "markers", 3, 21)
    with pytest.raises(
        RecordingError, match=r"its markers changed .* use another copy, or correct"
    ):
        correct(out, {"voltage": Probe(ratio=20.0)}, "it was 20x")


def test_line_cycles_that_are_missing_are_found_without_their_checksum(tmp_path):
    path = tmp_path / "m.h5"
    with Recorder(path, MAINS) as recorder:
        for block in waves([20_000] * 5, [0] * 5, hz=50.0, rate_hz=20_000.0):
            recorder.write(block)
    age(path)
    assert states(path)["summaries"] == "ok"
    with h5py.File(path, "r+") as file:
        n = file["summaries/cycles"].shape[1]
        file["summaries/cycles"].resize(n - 40, axis=1)
    assert found(path)["summaries"].text.endswith(f"line cycles has {n - 40} bins, expected {n}")
    assert found(path)["summaries"].state == "fail"
