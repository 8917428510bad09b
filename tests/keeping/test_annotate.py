"""Marks and notes by hand survive, and can be taken back."""

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording.sessions import info, note, ramp
from typer.testing import CliRunner

from monitor.cli.app import application
from monitor.errors import ConfigError, RecordingError
from monitor.keeping import annotate
from monitor.keeping.cut import cut
from monitor.keeping.merge import merge
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
        assert [note.text for note in recording.notes] == ["a note"]
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


def notes(path):
    with Recording(path) as recording:
        return [note.text for note in recording.notes]


def test_notes_are_edited_undone_and_made_again_as_marks_are(made):
    for text in ("cold", "fan", "cold"):
        edit(made, annotate.note, text)
    edit(made, annotate.rename, "note 3", "warm")
    edit(made, annotate.delete, "cold")
    states = [["fan", "warm"], ["cold", "fan", "warm"], ["cold", "fan", "cold"], ["cold", "fan"]]
    assert notes(made) == states[0]
    for expected in states[1:]:
        edit(made, annotate.undo)
        assert notes(made) == expected
    for expected in states[2::-1]:
        edit(made, annotate.redo)
        assert notes(made) == expected
    with pytest.raises(ConfigError, match="no edit that could be made again"):
        edit(made, annotate.redo)
    edit(made, annotate.undo)
    edit(made, annotate.add, "door", T0 + 5)
    with pytest.raises(ConfigError, match="until another edit is made"):
        edit(made, annotate.redo)
    assert notes(made) == states[1]


@pytest.mark.parametrize(
    ("what", "which", "sentence"),
    [
        (annotate.delete, "cold", "2 of the text 'cold'.* number of one: note 1, note 3$"),
        (annotate.delete, "n1", "2 of the text 'n1': expected the number of one: 2, note 2"),
        (annotate.delete, "note 4", "no mark or note 'note 4'.* 1 to 4, note 1 to note 3$"),
        (lambda *of: annotate.move(*of, T0), "note 1", "no mark 'note 1'.*: 1 to 4$"),
    ],
)  # fmt: skip
def test_which_is_meant_is_asked_if_it_is_not_clear(made, what, which, sentence):
    for text in ("cold", "n1", "cold"):
        edit(made, annotate.note, text)
    with pytest.raises(ConfigError, match=sentence):
        edit(made, what, which)
    edit(made, annotate.move, "n1", T0 + 7)  # only marks have a time
    assert notes(made) == ["cold", "n1", "cold"]


def test_a_journal_of_before_notes_had_names_is_read_edited_and_undone(made):
    path = marks.journal_path(made)
    old = ("cold", "wet"), ("fan",)
    lines = [json.dumps({"do": "note", "made_ns": 1, "text": text}) for text in old[0]]
    lines += [json.dumps({"do": "undo"}), json.dumps({"do": "note", "text": old[1][0]})]
    path.write_text("".join(f"{line}\n" for line in lines))
    with Recording(made) as recording:
        named = [(note.note_id, note.text) for note in recording.notes]
    assert named == [("note-1", "cold"), ("note-2", "fan")]
    edit(made, annotate.rename, "fan", "fans")
    edit(made, annotate.delete, "cold")
    edit(made, annotate.note, "new")
    edit(made, annotate.rename, "note 1", "all fans")
    assert notes(made) == ["all fans", "new"]
    for expected in (["fans", "new"], ["fans"], ["cold", "fans"], ["cold", "fan"], ["cold"]):
        edit(made, annotate.undo)
        assert notes(made) == expected


@given(st.lists(st.sampled_from(["note", "rename", "delete", "undo", "redo"]), max_size=30))
def test_whatever_is_done_undo_and_redo_lead_through_the_same_notes(doings):
    journal, past, future = [], [()], []
    for k, do in enumerate(doings):
        here = past[-1]
        if do == "undo" and len(past) > 1:
            journal.append(marks.Edit(do="undo"))
            future.append(past.pop())
        elif do == "redo" and future:
            journal.append(marks.history(journal)[1][-1])
            past.append(future.pop())
        elif do == "note":
            journal.append(marks.new_note("same"))
            past.append((*here, "same"))
            future.clear()
        elif do in ("rename", "delete") and here:
            which = k % len(here)
            name = marks.apply(journal, [], int)[1][which].note_id
            journal.append(marks.Edit(do=do, mark=name, text=str(k)))
            past.append((*here[:which], *([str(k)] if do == "rename" else []), *here[which + 1 :]))
            future.clear()
        assert tuple(note.text for note in marks.apply(journal, [], int)[1]) == past[-1]
        assert len(marks.history(journal)[1]) == len(future)


def test_notes_that_a_file_was_made_with_are_edited_beside_it(made, tmp_path):
    for text in ("cold", "fan"):
        edit(made, annotate.note, text)
    repair(made, tmp_path / "o.h5")
    edit(tmp_path / "o.h5", annotate.note, "cold")
    edit(tmp_path / "o.h5", annotate.delete, "note 1")
    edit(tmp_path / "o.h5", annotate.rename, "fan", "fans")
    assert notes(tmp_path / "o.h5") == ["fans", "cold"]
    repair(tmp_path / "o.h5", tmp_path / "p.h5")
    assert notes(tmp_path / "p.h5") == ["fans", "cold"]
    for text in ("fans", "cold"):
        edit(tmp_path / "p.h5", annotate.delete, text)
    with Recording(tmp_path / "p.h5") as recording:
        assert recording.notes == ()
        cut(recording, 0, 10_000, tmp_path / "q.h5")
    assert notes(tmp_path / "q.h5") == []


def test_merged_recordings_have_the_notes_of_both_as_they_were_edited(made, tmp_path):
    parts = [(0, 20_000), (20_000, 40_000)]
    for k, span in enumerate(parts):
        with Recording(made) as recording:
            cut(recording, *span, tmp_path / f"{k}.h5")
        edit(tmp_path / f"{k}.h5", annotate.note, "cold")
    edit(tmp_path / "1.h5", annotate.rename, "cold", "warm")
    with Recording(tmp_path / "0.h5") as one, Recording(tmp_path / "1.h5") as other:
        merge(one, other, tmp_path / "m.h5")
    assert notes(tmp_path / "m.h5") == ["cold", "warm"]
    edit(tmp_path / "m.h5", annotate.delete, "note 2")
    assert notes(tmp_path / "m.h5") == ["cold"]


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
        assert [note.text for note in recording.notes] == ["läuft"]


@pytest.mark.parametrize("torn", [1, 10, 30])
def test_a_line_that_was_torn_hides_no_other(made, torn):
    edit(made, annotate.add, "whole", T0 + 5)
    path = marks.journal_path(made)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:torn])
    assert "whole" in texts(made)
    edit(made, annotate.add, "later", T0 + 6)
    assert {"whole", "later"} <= set(texts(made))


def test_a_bit_that_flipped_in_a_journal_moves_no_mark_without_a_word(made):
    edit(made, annotate.add, "door", T0 + 5)
    edit(made, annotate.move, "door", T0 + 1_234_567)
    path = marks.journal_path(made)
    whole, good = path.read_bytes(), marks.read(made)
    assert good[1] == ""
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        edits, wrong = marks.read(made)
        assert wrong.endswith("of its lines are damaged and left out"), (bit, edits)
        assert all(each in (*good[0], marks.Edit(do="lost")) for each in edits)


def test_an_undo_takes_back_no_other_edit_than_the_damaged_one_that_it_did(made):
    edit(made, annotate.add, "first", T0 + 5)
    edit(made, annotate.add, "second", T0 + 6)
    edit(made, annotate.undo)
    path = marks.journal_path(made)
    path.write_bytes(path.read_bytes().replace(b"second", b"secund"))
    assert "first" in texts(made)
    edit(made, annotate.add, "third", T0 + 7)
    edit(made, annotate.undo)
    assert "third" not in texts(made)


def test_lines_from_before_they_had_checksums_are_read_as_before(made):
    edit(made, annotate.add, "door", T0 + 5)
    path = marks.journal_path(made)
    path.write_bytes(re.sub(rb', "crc": \d+', b"", path.read_bytes()))
    assert b"crc" not in path.read_bytes()
    assert ("door" in texts(made), marks.read(made)[1]) == (True, "")


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
    assert len(edits) >= len(lines)
    assert ("damaged" in wrong) == any(each.do == "lost" for each in edits)


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
        assert [note.text for note in recording.notes] == list(map(str, range(n)))
        assert n >= heard


def test_the_command_marks_shows_and_undoes(made):
    def said(*arguments):
        result = CliRunner().invoke(application(), ["annotate", str(made), *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert "4  2.500 s  door" in said("--mark", "door", "--at", "2.5s")
    assert "note 1  cold" in said("--note", "cold")
    assert "door" not in said("--delete", "door")
    assert "door" in said("--undo")
    assert "door" not in said("--redo")
    assert "note 1  warm" in said("--rename", "note 1", "--to", "warm")
    assert "note" not in said("--delete", "warm")
    for expected in ("warm", "cold"):
        assert f"note 1  {expected}" in said("--undo")
    assert "door" in said("--undo").replace("note 1  cold", "")
