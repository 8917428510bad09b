"""Recordings are looked at, mended, cut and joined from the command line; split ones, too."""

import json
import shutil

import numpy as np
import pytest
from lab import said, wattstage
from recording.sessions import info, note, ramp

from monitor.config import RecordingSettings
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

N, N_BLOCKS = 10_000, 6  # a second each


@pytest.fixture
def split(tmp_path):
    """A recording with a file for each second."""
    path = tmp_path / "r.h5"
    with Recorder(path, info(), how=RecordingSettings(split_hours=1e-12), flush_s=0.0) as recorder:
        for k in range(N_BLOCKS):
            recorder.put(ramp(k * N, (k + 1) * N))
            recorder.put(note(f"n{k}", seq=k + 1))
            recorder.drain(0)
    return path


def samples(path):
    with Recording(path) as recording:
        assert recording.closed
        return recording.read(*recording.bounds)


def findings(path):
    done = wattstage("verify", path, "--json")
    return done.returncode, {each["name"]: each for each in json.loads(done.stdout)}


def test_a_split_recording_is_one_to_every_command(split, tmp_path):
    whole = samples(split)
    facts = json.loads(said("info", split, "--json"))
    assert (facts["n_files"], facts["n_samples"], facts["lost"]) == (N_BLOCKS, N * N_BLOCKS, [])
    code, found = findings(split)
    assert (code, {each["state"] for each in found.values()}) == (0, {"ok"})
    told = said("repair", split, "-o", tmp_path / "one.h5")
    assert f"{tmp_path / 'one.h5'}: about " in told
    assert "KiB, not compressed" in told
    said("cut", split, "--range", "0.5s:3.5s", "-o", tmp_path / "cut.h5")
    said("export", split, "-o", tmp_path / "all.csv", "--range", "1.9s:2.1s")
    assert np.array_equal(samples(tmp_path / "one.h5"), whole)
    assert np.array_equal(samples(tmp_path / "cut.h5"), whole[:, N // 2 : 7 * N // 2])
    assert len((tmp_path / "all.csv").read_text().splitlines()) > 2000
    assert findings(tmp_path / "one.h5")[0] == findings(tmp_path / "cut.h5")[0] == 0


def test_what_is_cut_apart_is_merged_again(split, tmp_path):
    first, second, both = (tmp_path / name for name in ("a.h5", "b.h5", "both.h5"))
    said("cut", split, "--range", "0s:2.5s", "-o", first)
    said("cut", split, "--range", "2.5s:6s", "-o", second)
    said("merge", first, second, "-o", both)
    assert np.array_equal(samples(both), samples(split))


def test_a_merge_says_in_what_its_recordings_differ(split, tmp_path):
    other = tmp_path / "other.h5"
    stream = info(t0_ns=info().t0_ns + 60 * 10**9, instrument={"identity": "TEST,µ,2"})
    with Recorder(other, stream) as recorder:
        recorder.put(ramp(0, N))
    told = said("merge", split, other, "-o", tmp_path / "both.h5")
    assert "they differ in instrument identity; the earlier one's hold" in told


def test_a_recording_that_was_not_ended_has_an_exit_code_of_its_own(tmp_path):
    with Recorder(tmp_path / "r.h5", info(), flush_s=0.0) as recorder:
        recorder.put(ramp(0, N))
        recorder.drain(0)
        shutil.copy(tmp_path / "r.h5", tmp_path / "killed.h5")
    code, found = findings(tmp_path / "killed.h5")
    assert (code, found["end"]["state"]) == (2, "warn")
    assert found["structure"]["text"] == "schema 2, 1 file, its tables agree"
    assert ", 0 gaps, " in found["continuity"]["text"]
    told = " ".join(said("verify", "--help").split())
    assert "1 if something in it is wrong or missing, 2 if nothing else is" in told


def test_a_missing_part_is_named_and_the_rest_is_kept(split, tmp_path):
    whole = samples(split)
    split.with_name("r.part3.h5").unlink()
    code, found = findings(split)
    assert code == 1
    assert "part 3 is missing" in found["end"]["text"]
    assert "part 3 is missing" in " ".join(said("info", split).split())
    done = wattstage("repair", split, "-o", tmp_path / "one.h5")
    assert "part 3 is missing" in done.stdout + done.stderr
    kept = samples(tmp_path / "one.h5")
    gap = np.isnan(kept[-1])
    assert np.flatnonzero(gap).tolist() == list(range(2 * N, 3 * N))
    assert np.array_equal(kept[:, ~gap], whole[:, ~gap])


def test_last_parts_that_are_missing_are_named_by_every_command(split, tmp_path):
    alone = shutil.copy(split, tmp_path / "alone.h5")
    sentence = "part 2 is missing"
    code, found = findings(alone)
    assert code == 1
    assert sentence in found["end"]["text"]
    facts = " ".join(said("info", alone).split())
    assert sentence in facts
    assert "no: its recorder ended it, but not all of it is here" in facts
    done = wattstage("stages", alone)
    assert done.returncode == 0
    assert sentence in done.stderr
    done = wattstage("repair", alone, "-o", tmp_path / "one.h5")
    assert sentence in done.stdout
    assert "did not end it" not in done.stdout


def test_a_part_by_itself_says_that_it_is_one(split):
    third = split.with_name("r.part3.h5")
    facts = " ".join(said("info", third).split())
    assert "part 3 of a split recording; its first part opens them all" in facts
    assert json.loads(said("info", third, "--json"))["part"] == 3


def test_a_last_part_that_is_cut_short_loses_its_end_only(split, tmp_path):
    last = split.with_name(f"r.part{N_BLOCKS}.h5")
    data = last.read_bytes()
    last.write_bytes(data[: len(data) // 2])
    assert findings(split)[0] == 1
    said("repair", split, "-o", tmp_path / "one.h5")
    kept = samples(tmp_path / "one.h5")
    assert (N_BLOCKS - 1) * N <= kept.shape[1] <= N_BLOCKS * N
    assert findings(tmp_path / "one.h5")[0] == 0


def test_notes_are_edited_from_the_command_line_and_stay_in_what_is_made_of_it(split, tmp_path):
    for text in ("cold", "fan off", "cold"):
        said("annotate", split, "--note", text)
    done = wattstage("annotate", split, "--delete", "cold")
    assert done.returncode == 1
    assert "note 1, note 3" in " ".join(done.stderr.split())
    said("annotate", split, "--delete", "note 1")
    said("annotate", split, "--rename", "cold", "--to", "warm")
    assert "note 2  cold" in said("annotate", split, "--undo")
    assert "note 2  warm" in said("annotate", split, "--redo")
    done = wattstage("annotate", split, "--redo")
    assert done.returncode == 1
    assert "could be made again" in " ".join(done.stderr.split())
    said("repair", split, "-o", tmp_path / "one.h5")
    with Recording(tmp_path / "one.h5") as recording:
        assert [each.text for each in recording.notes] == ["fan off", "warm"]


def test_nothing_is_overwritten_and_what_is_wrong_is_a_sentence(split, tmp_path):
    taken = shutil.copy(split, tmp_path / "taken.h5")
    for command in (["repair", split], ["cut", split, "--range", "0s:1s"], ["merge", split, split]):
        done = wattstage(*command, "-o", taken)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") <= 3
    assert wattstage("verify", tmp_path / "none.h5").returncode == 1
    assert "nothing" not in {path.name for path in tmp_path.iterdir()}
