"""Marks and notes by hand survive, and can be taken back."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording.sessions import info, note, ramp
from typer.testing import CliRunner

from monitor.cli.app import application
from monitor.errors import RecordingError
from monitor.keeping import annotate
from monitor.keeping.repair import repair
from monitor.model import NS
from monitor.recording import marks
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

T0 = info().t0_ns


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "r.h5"
    with Recorder(path, info()) as recorder:
        for k in range(4):
            recorder.mark(note(f"n{k}", T0 + k * NS, run_id="r", seq=k, timing="hand"))
            recorder.write(ramp(k * 10_000, k * 10_000 + 10_000))
    return path


def texts(path):
    with Recording(path) as recording:
        return [mark.attrs["text"] for mark in recording.markers]


def edit(path, what, *arguments):
    with Recording(path) as recording:
        what(recording, *arguments)


def test_edits_are_seen_and_undone_one_by_one_and_the_file_stays(made):
    before = made.read_bytes()
    edit(made, annotate.add, "new", T0 + NS + NS // 2)
    edit(made, annotate.delete, "n0")
    edit(made, annotate.rename, "n2", "two")
    edit(made, annotate.move, "n3", T0 + 1)
    edit(made, annotate.note, "a note")
    with Recording(made) as recording:
        assert recording.notes == ("a note",)
    assert sorted(texts(made)) == ["n1", "n3", "new", "two"]
    for expected in (
        ["n1", "n3", "new", "two"],
        ["n1", "n3", "new", "two"],
        ["n1", "n2", "n3", "new"],
        ["n0", "n1", "n2", "n3", "new"],
        ["n0", "n1", "n2", "n3"],
    ):
        edit(made, annotate.undo)
        assert sorted(texts(made)) == expected
    assert made.read_bytes() == before


def test_a_new_mark_has_its_place_among_the_items(made):
    edit(made, annotate.add, "new", T0 + NS + NS // 2)
    assert texts(made) == ["n0", "n1", "new", "n2", "n3"]


def test_a_repaired_file_has_the_marks_and_notes_itself(made, tmp_path):
    edit(made, annotate.add, "new", T0 + 5)
    edit(made, annotate.note, "läuft")
    repair(made, tmp_path / "o.h5")
    assert not marks.journal_path(tmp_path / "o.h5").exists()
    assert texts(tmp_path / "o.h5") == texts(made)
    with Recording(tmp_path / "o.h5") as recording:
        assert recording.notes == ("läuft",)


@pytest.mark.parametrize("torn", [1, 10, 30])
def test_a_line_that_was_torn_hides_no_other(made, torn):
    edit(made, annotate.add, "whole", T0 + 5)
    path = marks.journal_path(made)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:torn])
    assert "whole" in texts(made)
    edit(made, annotate.add, "later", T0 + 6)
    assert {"whole", "later"} <= set(texts(made))


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["do", "mark", "marker", "text", "time_ns"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode() + b"\n")
)
@settings(max_examples=100)
def test_what_is_no_journal_is_told_and_breaks_nothing(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "hostile.h5"
    marks.journal_path(path).write_bytes(text)
    edits, wrong = marks.read(path)
    lines = [line for line in text.split(b"\n")[:-1] if line]
    assert len(edits) == len(lines) or "damaged" in wrong


def test_a_journal_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(RecordingError, match="does not take the mark"):
        marks.append(tmp_path / "none" / "r.h5", marks.Edit(do="note", text="x"))


def test_after_kill_9_every_mark_that_was_acknowledged_is_there(made):
    program = (
        "import sys; from pathlib import Path; from monitor.recording.marks import *\n"
        "for k in range(10**6):\n"
        "    append(Path(sys.argv[1]), Edit(do='note', text=str(k)))\n"
        "    print(k, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, made], stdout=subprocess.PIPE) as process:
        for _ in range(50):
            process.stdout.readline()
        process.kill()
        heard = 50 + len([x for x in process.stdout.read().split(b"\n")[:-1] if x])
    with Recording(made) as recording:
        n = len(recording.notes)
        assert recording.notes == tuple(map(str, range(n)))
        assert n >= heard


def test_the_command_marks_shows_and_undoes(made):
    def said(*arguments):
        result = CliRunner().invoke(application(), ["annotate", str(made), *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert "4  2.500 s  door" in said("--mark", "door", "--at", "2.5s")
    assert "note: cold" in said("--note", "cold")
    assert "door" not in said("--delete", "door")
    assert "door" in said("--undo")
