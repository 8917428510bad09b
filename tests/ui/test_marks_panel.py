"""Marks and notes are edited in the window, by key and by mouse, and every edit can be undone."""

import contextlib
import os
import signal

import pytest
from fake_feed import INFO, T0_NS, FakeFeed
from fakes import INFO as STREAM
from fakes import dc_block
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from monitor.model import NS, Note, Notebook
from monitor.recording.marks import Edit, append, is_mark, mark_id, new_mark, new_note
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from ui.feed import EngineFeed, FrameRequest
from ui.quantities import clock, seconds_of
from ui.recording_feed import RecordingFeed
from ui.replay import ReplayProcess

NOW = FrameRequest(None, None, 1, 1)
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
DOOR, FAN = new_mark("door", T0_NS + 6 * NS), new_mark("fan", T0_NS + 41 * NS)

COLD = Note(note_id="note-1", text="cold")


@pytest.fixture
def made(tmp_path):
    """4 s at 10 kS/s."""
    path = tmp_path / "r.h5"
    with Recorder(path, STREAM) as recorder:
        for k in range(40):
            recorder.write(dc_block(k * 1000, 120.0))
    return path


@pytest.fixture
def noted(show, until):
    """Return a window with its notes open, on a feed with two marks and a note."""

    def open_window(feed=None):
        if feed is None:
            feed = FakeFeed()
            feed.hand = Notebook(marks=(DOOR, FAN), notes=(COLD,))
        window = show(feed)
        QTest.keyClick(window, Qt.Key.Key_N)
        until(lambda: isinstance(feed, RecordingFeed) or window.marks.table.rowCount() == 3)
        return window, feed, window.marks.table

    return open_window


def cells(table):
    return [tuple(table.item(row, k).text() for k in (0, 1)) for row in range(table.rowCount())]


def typed(table, text, what=("Text of the mark", "Time of the mark")):
    """Type into the cell that is being edited."""
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    assert editor.accessibleName() in what
    editor.selectAll()
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)


def chosen(table, row):
    table.setFocus()
    table.setCurrentCell(row, 1)


def test_the_list_has_marks_by_time_and_then_notes(noted):
    _, _, table = noted()
    assert cells(table) == [("0:06.000", "door"), ("0:41.000", "fan"), ("note", "cold")]
    assert table.accessibleName() == "Marks and notes"


def test_enter_edits_the_text_and_shift_enter_the_time(noted, until):
    _, feed, table = noted()
    chosen(table, 0)
    QTest.keyClick(table, Qt.Key.Key_Return)
    typed(table, "window")
    until(lambda: feed.calls)
    assert feed.calls == [("edit", Edit(do="rename", mark=mark_id(DOOR), text="window"))]
    chosen(table, 0)
    QTest.keyClick(table, Qt.Key.Key_Return, SHIFT)
    typed(table, "0:07.25")
    until(lambda: len(feed.calls) == 2)
    moved = Edit(do="move", mark=mark_id(DOOR), time_ns=T0_NS + 7_250_000_000)
    assert feed.calls[1] == ("edit", moved)
    assert cells(table)[0] == ("0:06.000", "door"), "it is only shown when the feed says so"


@pytest.mark.parametrize("wrong", ["soon", "9:00", "-1", "1e3"])
def test_a_time_outside_of_the_session_is_refused(noted, until, wrong):
    window, feed, table = noted()
    chosen(table, 0)
    QTest.keyClick(table, Qt.Key.Key_Return, SHIFT)
    typed(table, wrong)
    until(lambda: "up to 0:52.0" in window.banner.text.text())
    assert feed.calls == []
    assert cells(table)[0] == ("0:06.000", "door")


def test_delete_deletes_a_mark_by_key_and_by_mouse(noted, until):
    window, feed, table = noted()
    chosen(table, 1)
    QTest.keyClick(table, Qt.Key.Key_Delete)
    window.commands["delete_mark"].trigger()
    until(lambda: len(feed.calls) == 2)
    assert feed.calls == [("edit", Edit(do="delete", mark=mark_id(FAN)))] * 2


def double_click(table, row, column=1):
    where = table.visualItemRect(table.item(row, column)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)


@pytest.mark.parametrize("by_mouse", [False, True])
def test_a_note_is_edited_and_deleted_as_a_mark_is(noted, until, by_mouse):
    window, feed, table = noted()
    chosen(table, 2)
    if by_mouse:
        double_click(table, 2)
    else:
        QTest.keyClick(table, Qt.Key.Key_Return)
    typed(table, "warm", ["Text of the note"])
    until(lambda: feed.calls)
    assert feed.calls == [("edit", Edit(do="rename", mark="note-1", text="warm"))]
    assert cells(table)[2] == ("note", "cold"), "it is only shown when the feed says so"
    chosen(table, 2)
    if by_mouse:
        QTest.mouseClick(window.marks.buttons["delete_mark"], Qt.MouseButton.LeftButton)
    else:
        QTest.keyClick(table, Qt.Key.Key_Delete)
    until(lambda: len(feed.calls) == 2)
    assert feed.calls[1] == ("edit", Edit(do="delete", mark="note-1"))


def test_a_note_has_no_time_to_edit(noted):
    window, feed, table = noted()
    chosen(table, 2)
    QTest.keyClick(table, Qt.Key.Key_Return, SHIFT)
    assert "no time" in window.banner.text.text()
    double_click(table, 2, column=0)
    assert not isinstance(QApplication.focusWidget(), QLineEdit)
    assert feed.calls == []


def test_a_note_that_is_chosen_stays_so_when_others_come(noted):
    _, _, table = noted()
    chosen(table, 2)
    others = (Note(note_id="note-2", text="fan"), COLD)
    table.show_notebook(Notebook(marks=(DOOR,), notes=others), T0_NS, 52.0)
    assert table.item(table.currentRow(), 1).text() == "cold"


def test_a_mark_that_is_chosen_is_brought_into_view(noted):
    window, _, table = noted()
    window.navigator.zoom(0.01)
    before = window.navigator.viewport.extent(window.navigator._bounds)
    chosen(table, 0)
    left, right = window.navigator.viewport.extent(window.navigator._bounds)
    assert left < 6 * INFO.sample_rate_hz < right < before[0]


def test_a_note_is_typed_in_its_field_and_then_undone_by_key(noted, until):
    window, feed, _ = noted()
    window.marks.note.setFocus()
    QTest.keyClicks(window.marks.note, "second fan off")
    QTest.keyClick(window.marks.note, Qt.Key.Key_Return)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Z, CTRL)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Z, CTRL | SHIFT)
    until(lambda: len(feed.calls) == 3)
    assert feed.calls == [("edit", Edit(do="note", text="second fan off")), ("undo",), ("redo",)]
    assert window.marks.note.text() == ""


def test_a_closed_file_is_marked_edited_and_undone_in_the_window(noted, until, made):
    window, _, table = noted(RecordingFeed(made))
    until(lambda: window.transport.position.text() == "0:04.0 / 0:04.0")
    window.plots.gestures.clicked.emit(1.5)
    until(lambda: window.transport.position.text() == "0:01.5 / 0:04.0")
    QTest.keyClick(window, Qt.Key.Key_M)
    QTest.keyClicks(window.toolbar.mark_field, "door")
    QTest.keyClick(window.toolbar.mark_field, Qt.Key.Key_Return)
    until(lambda: cells(table) == [("0:01.500", "door")])
    chosen(table, 0)
    QTest.keyClick(table, Qt.Key.Key_Return)
    typed(table, "window")
    until(lambda: cells(table) == [("0:01.500", "window")])
    QTest.keyClick(table, Qt.Key.Key_Delete)
    until(lambda: cells(table) == [])
    for expected in ([("0:01.500", "window")], [("0:01.500", "door")], []):
        QTest.keyClick(window, Qt.Key.Key_Z, CTRL)
        until(lambda expected=expected: cells(table) == expected)
    QTest.mouseClick(window.marks.buttons["redo"], Qt.MouseButton.LeftButton)
    until(lambda: cells(table) == [("0:01.500", "door")])
    with Recording(made) as recording:
        assert [mark.attrs["text"] for mark in recording.markers] == ["door"]


def test_notes_of_a_closed_file_are_edited_deleted_and_undone_in_the_window(noted, until, made):
    for text in ("cold", "fan"):
        append(made, new_note(text))
    window, _, table = noted(RecordingFeed(made))
    until(lambda: cells(table) == [("note", "cold"), ("note", "fan")])
    chosen(table, 0)
    QTest.keyClick(table, Qt.Key.Key_Return)
    typed(table, "warm", ["Text of the note"])
    until(lambda: cells(table) == [("note", "warm"), ("note", "fan")])
    QTest.keyClick(table, Qt.Key.Key_Delete)
    until(lambda: cells(table) == [("note", "fan")])
    for expected in (["warm", "fan"], ["cold", "fan"]):
        QTest.keyClick(window, Qt.Key.Key_Z, CTRL)
        until(lambda expected=expected: cells(table) == [("note", text) for text in expected])
    QTest.mouseClick(window.marks.buttons["redo"], Qt.MouseButton.LeftButton)
    until(lambda: cells(table) == [("note", "warm"), ("note", "fan")])
    with Recording(made) as recording:
        assert [note.text for note in recording.notes] == ["warm", "fan"]


def test_after_kill_9_of_the_engine_an_edit_that_was_acknowledged_is_there(made, tmp_path):
    path = tmp_path / "again.h5"
    replay = ReplayProcess(made, start_s=0, speed=0.1)
    with contextlib.closing(replay):
        replay.wait()
        with contextlib.closing(EngineFeed(replay.endpoint)) as feed:
            feed.start_recording(str(path))
            while not ((state := feed.frame(NOW).snapshot.recording) and state.n_samples):
                pass
            feed.mark("door", STREAM.t0_ns + 5)
            (mark,) = feed.notebook().marks
            feed.edit(Edit(do="rename", mark=mark_id(mark), text="window"))
            for text in ("cold", "gone"):
                feed.edit(Edit(do="note", text=text))
            cold, gone = feed.notebook().notes
            feed.edit(Edit(do="rename", mark=cold.note_id, text="warm"))
            feed.edit(Edit(do="delete", mark=gone.note_id))
            os.kill(replay._process.pid, signal.SIGKILL)
            replay._process.wait()
    with Recording(path) as recording:
        told = [marker.attrs["text"] for marker in recording.markers if is_mark(marker)]
        assert told == ["window"]
        assert [note.text for note in recording.notes] == ["warm"]


@pytest.mark.parametrize("seconds", [0.0, 6.25, 59.999, 62.5, 3723.004])
def test_a_position_is_read_as_it_is_written(seconds):
    assert seconds_of(clock(seconds, 3)) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "-1", "1:2:3:4", "1e9", "1:", "٣"])
def test_what_is_no_position_is_none(text):
    assert seconds_of(text) is None
