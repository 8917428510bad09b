import asyncio

import h5py
import pytest
from fakes import INFO, FakeClock, ListSource, dc_block, stage_edge

from monitor.config import (
    HistorySettings,
    MarkerSettings,
    MetricsSettings,
    RecordingSettings,
    Settings,
)
from monitor.engine.assemble import described
from monitor.errors import ConnectionLostError, EngineError, RecordingError
from monitor.model import NS, Edge
from monitor.recording import marks, notes
from monitor.recording.marks import Edit
from monitor.recording.reader import Recording
from monitor.session import Session

STEP = [dc_block(k * 1000, 120.0 if k < 10 else 360.0) for k in range(20)]
STAGES = [
    stage_edge("run", Edge.BEGIN, 0.2, "a", seq=1),
    stage_edge("denoise", Edge.BEGIN, 1.0, "b", "a", seq=2),
    stage_edge("denoise", Edge.END, 1.5, "b", "a", seq=3),
    stage_edge("run", Edge.END, 1.8, "a", seq=4),
]


def session_of(source, feed=None) -> Session:
    return Session(
        source,
        feed,
        metrics=MetricsSettings(averages_s=(0.02, 1.0), ramps_s=(0.1,)),
        history=HistorySettings(seconds=60.0),
        clock=FakeClock(),
    )


def ran(items, **settings) -> Session:
    session = session_of(ListSource(items))
    asyncio.run(session.run(**settings))
    return session


def test_a_session_knows_the_energy_of_what_it_saw():
    metrics = ran(STEP).snapshot.metrics
    assert metrics is not None
    assert metrics.energy_j == pytest.approx(120 + 360, rel=1e-6)
    assert metrics.coverage == 1.0
    assert metrics.power_w == pytest.approx(360)


def test_a_session_bills_its_stages():
    table = ran([*STEP, *STAGES]).table()
    by_path = {used.stage.path: used for used in table.stages}
    assert by_path["run/denoise"].energy_j == pytest.approx(180.0, rel=1e-6)
    assert by_path["run"].energy_j == pytest.approx(0.8 * 120 + 0.8 * 360, rel=1e-6)
    leaves = sum(used.energy_j for used in table.stages if used.stage.leaf)
    assert leaves + table.unattributed.energy_j == pytest.approx(table.total.energy_j, rel=1e-12)


def test_markers_may_come_before_or_after_the_samples_that_they_are_about():
    early, late = ran([*STAGES, *STEP]).table(), ran([*STEP, *reversed(STAGES)]).table()
    assert early.stages == late.stages


def test_a_session_ends_by_itself_after_the_seconds_that_were_asked_for():
    session = session_of(ListSource(STEP, hold=True))
    asyncio.run(session.run(seconds=1.0))
    assert session.snapshot.stop == 10_000
    assert session.snapshot.state == "ended"


def test_what_breaks_a_source_ends_the_session_and_leaves_the_source():
    source = ListSource(STEP, error=ConnectionLostError("gone"))
    with pytest.raises(ConnectionLostError, match="gone"):
        asyncio.run(session_of(source).run())
    assert source.left


def test_a_recording_replays_to_the_same_table(tmp_path):
    session = ran([*STEP[:12], *STAGES, *STEP[12:]], record=tmp_path / "a.h5")
    with Recording(tmp_path / "a.h5") as recording:
        again = ran(list(recording.items()))
    assert again.table() == session.table()


def test_a_recording_that_starts_late_knows_the_stages_that_are_running(tmp_path):
    async def work() -> None:
        session = session_of(ListSource([*STEP[:5], *STAGES[:1], *STEP[5:]], hold=True))
        run = asyncio.create_task(session.run())
        while session.snapshot.stop < 20_000:
            session.refresh()
            await asyncio.sleep(0)
        session.start_recording(tmp_path / "late.h5")
        with pytest.raises(EngineError, match="already recording"):
            session.start_recording(tmp_path / "other.h5")
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    assert not (tmp_path / "late.h5").exists(), "a recording without a block is removed"


def test_a_mark_by_hand_keeps_its_time(tmp_path):
    async def work() -> Session:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run(record=tmp_path / "m.h5"))
        await session.started.wait()
        await session.mark("door opened", INFO.t0_ns + 7)
        while session.snapshot.n_markers == 0:
            session.refresh()
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        return session

    asyncio.run(work())
    with Recording(tmp_path / "m.h5") as recording:
        (mark,) = recording.markers
    assert (mark.stage, mark.time_ns) == ("note", INFO.t0_ns + 7)
    assert mark.attrs == {"text": "door opened"}


def test_nothing_can_be_recorded_before_the_instrument_has_answered(tmp_path):
    with pytest.raises(EngineError, match="no instrument has answered"):
        session_of(ListSource([])).start_recording(tmp_path / "a.h5")


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"precious")
    with pytest.raises(RecordingError, match="exists"):
        ran(STEP, record=tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == b"precious"


def test_a_recording_says_what_was_set(tmp_path):
    path = tmp_path / "r.h5"
    session = Session(
        ListSource(STEP),
        None,
        metrics=MetricsSettings(),
        history=HistorySettings(),
        recording=RecordingSettings(compression="gzip"),
        described={"profile": "{}"},
        clock=FakeClock(),
    )
    asyncio.run(session.run(record=path))
    with h5py.File(path) as file:
        assert file["codes"].compression == "gzip"
    with Recording(path) as recording:
        assert recording.settings == {"profile": "{}"}


def test_what_is_written_of_the_settings_has_no_password():
    secret = Settings(markers=MarkerSettings(broker="mqtt://me:secret@host:1883"))
    text = described(secret)
    assert "secret" not in text
    assert "mqtt://host:1883" in text


def test_the_last_seconds_are_saved_though_nobody_recorded(tmp_path):
    path = tmp_path / "past.h5"
    session = session_of(ListSource([*STEP, *STAGES], hold=True))

    async def work():
        running = asyncio.create_task(session.run(seconds=None))
        with pytest.raises(EngineError, match="nothing to save yet"):
            session.save_recent(path, 1.0)
        await session.started.wait()
        while session.snapshot.n_markers < len(STAGES):
            await asyncio.sleep(0)
            session.refresh()
        with pytest.raises(EngineError, match="must be positive, got 0 s"):
            session.save_recent(path, 0.0)
        session.save_recent(path, 0.7)
        with pytest.raises(RecordingError, match="exists already"):
            session.save_recent(path, 0.7)
        await session._tape.rest()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())
    assert session.snapshot.warnings == (f"saved the last 0.7 s to {path}",)
    with Recording(path) as recording:
        assert recording.closed
        assert recording.bounds == (13_000, 20_000)
        assert recording.read(13_000, 20_000)[-1] == pytest.approx(360.0)
        assert [(m.stage, m.edge) for m in recording.markers] == [
            ("run", Edge.BEGIN),
            ("denoise", Edge.BEGIN),
            ("denoise", Edge.END),
            ("run", Edge.END),
        ]


def test_the_snapshot_knows_what_a_command_did_though_the_instrument_is_silent(tmp_path):
    async def work() -> list[bool]:
        session = session_of(ListSource(STEP, hold=True))
        running = asyncio.create_task(session.run())
        while session.snapshot.stop < 20_000:
            session.refresh()
            await asyncio.sleep(0)
        session.start_recording(tmp_path / "silent.h5")
        seen = [session.snapshot.recording is not None]
        await session.stop_recording()
        seen.append(session.snapshot.recording is not None)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return seen

    assert asyncio.run(work()) == [True, False]


def test_a_silent_instrument_makes_the_newest_sample_older_and_older(monkeypatch):
    monkeypatch.setattr("monitor.session.session._TICK_S", 0.001)
    clock = FakeClock()

    async def work() -> list[float]:
        session = Session(
            ListSource(STEP, hold=True),
            None,
            metrics=MetricsSettings(),
            history=HistorySettings(),
            clock=clock,
        )
        running = asyncio.create_task(session.run())
        await session.started.wait()
        ages = []
        for seconds in (10, 18, 62):
            clock.ns = INFO.time_ns(20_000) + seconds * NS
            before = session.snapshot.version
            async with asyncio.timeout(10):
                while session.snapshot.version < before + 2:  # noqa: ASYNC110 - it does by itself
                    await asyncio.sleep(0.001)
            ages.append(session.snapshot.age_s)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return ages

    assert asyncio.run(work()) == pytest.approx([10.0, 18.0, 62.0], abs=0.5)


def test_of_a_replay_nothing_is_old():
    class Paced:
        speed, paused = 1.0, True

    session = Session(
        ListSource(STEP),
        None,
        metrics=MetricsSettings(),
        history=HistorySettings(),
        clock=FakeClock(),
        pace=Paced(),
    )
    session._clock.ns += 1000 * NS
    asyncio.run(session.run())
    assert session.snapshot.age_s == 0.0


def killed_copy(path, folder):
    """Return a copy of a recording and what lies beside it, as a kill would leave them."""
    for each in path.parent.glob(f"{path.name}*"):
        (folder / each.name).write_bytes(each.read_bytes())
    return folder / path.name


def test_a_mark_is_on_the_disk_when_it_is_acknowledged_and_one_taken_back_is_not(tmp_path):
    path, folder = tmp_path / "m.h5", tmp_path / "killed"
    folder.mkdir()

    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run(record=path))
        await session.started.wait()
        await session.mark("wrong", INFO.t0_ns + 5)
        assert await session.desk.undo() == "wrong"
        await session.mark("right", INFO.t0_ns + 7)
        edits, _ = marks.read(path)
        assert [edit.do for edit in edits] == ["add", "undo", "add"]
        killed_copy(path, folder)
        while session.snapshot.n_markers < 2:
            session.refresh()
            await asyncio.sleep(0)
        shown = session.frame(0, 10, 10, 1).timeline.marks
        assert [mark.attrs["text"] for mark in shown] == ["right"]
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    (folder / "m.h5").write_bytes(path.read_bytes())  # of the samples, none was flushed then
    for each in (path, folder / "m.h5"):
        with Recording(each) as recording:
            assert [mark.attrs["text"] for mark in recording.markers] == ["right"]


def test_edits_and_notes_of_a_live_session_are_on_the_disk_and_can_be_undone_and_redone(tmp_path):
    path, folder = tmp_path / "m.h5", tmp_path / "killed"
    folder.mkdir()

    def texts(session):
        shown = session.frame(0, 10, 10, 1).timeline.marks
        assert tuple(shown) == session.desk.notebook.marks
        return [(mark.attrs["text"], mark.time_ns - INFO.t0_ns) for mark in shown]

    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run(record=path))
        await session.started.wait()
        await session.mark("a", INFO.t0_ns + 5)
        await session.mark("b", INFO.t0_ns + 7)
        first, second = map(marks.mark_id, session.desk.notebook.marks)
        await session.desk.edit(Edit(do="rename", mark=first, text="door"))
        await session.desk.edit(Edit(do="move", mark=first, time_ns=INFO.t0_ns + 9))
        await session.desk.edit(Edit(do="delete", mark=second))
        await session.desk.edit(Edit(do="note", text="cold"))
        assert texts(session) == [("door", 9)]
        assert [note.text for note in session.desk.notebook.notes] == ["cold"]
        for told in ("cold", "the deletion of a mark", "the move of a mark", "the text door"):
            assert await session.desk.undo() == told
        assert texts(session) == [("a", 5), ("b", 7)]
        assert session.desk.notebook.notes == ()
        assert await session.desk.redo() == "the text door"
        assert await session.desk.redo() == "the move of a mark"
        assert texts(session) == [("b", 7), ("door", 9)]
        assert session.desk.notebook.redo == "the deletion of a mark"
        await session.desk.edit(Edit(do="note", text="warm"))
        with pytest.raises(EngineError, match="nothing was taken back"):
            await session.desk.redo()
        with pytest.raises(EngineError, match="no mark or note 'x:1' by hand"):
            await session.desk.edit(Edit(do="delete", mark="x:1"))
        with pytest.raises(EngineError, match="got add"):
            await session.desk.edit(Edit(do="add"))
        killed_copy(path, folder)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    (folder / "m.h5").write_bytes(path.read_bytes())  # of the samples, none was flushed then
    for each in (path, folder / "m.h5"):
        with Recording(each) as recording:
            assert sorted(mark.attrs["text"] for mark in recording.markers) == ["b", "door"]
            assert [note.text for note in recording.notes] == ["warm"]


def test_a_recording_has_the_marks_and_notes_from_before_it_that_lie_within(tmp_path):
    saved, begun = tmp_path / "saved.h5", tmp_path / "begun.h5"

    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run())

        async def until_sample(n):
            while session.snapshot.stop < n:
                session.refresh()
                await asyncio.sleep(0)

        await until_sample(5_000)
        await session.mark("too early", INFO.t0_ns + 4)
        await session.mark("early", INFO.t0_ns + 5)
        await session.mark("taken back", INFO.t0_ns + 6)
        await session.desk.undo()
        early = marks.mark_id(session.desk.notebook.marks[1])
        await session.desk.edit(Edit(do="rename", mark=early, text="renamed"))
        await session.desk.edit(Edit(do="note", text="cold"))
        await session.mark("to come", INFO.time_ns(19_000))
        session.start_recording(begun)
        await until_sample(20_000)
        session.save_recent(saved, 10.0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    for path, expected in (
        (saved, ["too early", "renamed", "to come"]),
        (begun, ["to come"]),
    ):
        with Recording(path) as recording:
            told = [m.attrs["text"] for m in recording.markers if marks.is_mark(m)]
            assert told == expected
            assert [note.text for note in recording.notes] == ["cold"]


def test_what_was_marked_before_the_first_sample_of_a_session_is_in_its_recording(tmp_path):
    path = tmp_path / "r.h5"

    async def work() -> None:
        session = session_of(ListSource(STEP))
        await session.mark("door opened", INFO.t0_ns - NS)
        await session.run(record=path)

    asyncio.run(work())
    with Recording(path) as recording:
        (mark,) = (marker for marker in recording.markers if marks.is_mark(marker))
        assert (mark.attrs["text"], mark.time_ns) == ("door opened", INFO.t0_ns - NS)


def test_what_was_done_before_a_recording_is_undone_without_touching_what_came_since(tmp_path):
    path = tmp_path / "m.h5"

    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run())
        await session.started.wait()
        await session.mark("past", INFO.t0_ns - 5)
        await session.mark("to come", INFO.time_ns(19_000))
        session.start_recording(path)
        await session.desk.edit(Edit(do="note", text="first"))
        assert [await session.desk.undo() for _ in range(3)] == ["first", "to come", "past"]
        assert await session.desk.redo() == "past"
        await session.desk.edit(Edit(do="note", text="second"))
        await session.mark("later", INFO.time_ns(19_500))
        while session.snapshot.stop < 20_000:
            session.refresh()
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    with Recording(path) as recording:
        assert [mark.attrs["text"] for mark in recording.markers] == ["later"]
        assert [note.text for note in recording.notes] == ["second"]


def test_notes_from_before_a_recording_and_since_are_edited_in_it(tmp_path):
    path, after = tmp_path / "m.h5", tmp_path / "after.h5"

    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run())
        await session.started.wait()
        desk = session.desk

        async def edit(do, which, text=""):
            (name,) = (note.note_id for note in desk.notebook.notes if note.text == which)
            await desk.edit(Edit(do=do, mark=name, text=text))

        def begin(path):
            """Return what gives the session's notes, after a look whether the file has them."""
            began = notes.recorded(desk.told({}))
            session.start_recording(path)

            def both():
                told = [note.text for note in desk.notebook.notes]
                recorded = marks.apply(marks.read(path)[0], [], int, began)[1]
                assert sorted(note.text for note in recorded) == sorted(told)
                return told

            return both

        for text in ("gone", "cold", "fan"):
            await desk.edit(Edit(do="note", text=text))
        await edit("delete", "gone")
        await edit("rename", "cold", "warm")
        both = begin(path)
        await edit("rename", "fan", "fans")
        await desk.edit(Edit(do="note", text="new"))
        await edit("delete", "new")
        assert both() == ["warm", "fans"]
        states = [["warm", "fans", "new"], ["warm", "fans"], ["warm", "fan"], ["cold", "fan"],
                  ["gone", "cold", "fan"], ["gone", "cold"]]  # fmt: skip
        for expected in states:
            await desk.undo()
            assert both() == expected
        for expected in [*states[-2::-1], ["warm", "fans"]]:
            await desk.redo()
            assert both() == expected
        await session.stop_recording()
        await edit("delete", "warm")
        both = begin(after)
        await edit("delete", "fans")
        assert both() == []
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    with Recording(path) as recording:
        assert sorted(note.text for note in recording.notes) == ["fans", "warm"]


def test_an_edit_of_a_mark_from_before_a_recording_is_undone_in_it(tmp_path):
    path = tmp_path / "m.h5"

    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run())
        await session.started.wait()
        for text, index in (
            ("past", -100),
            ("to come", 19_000),
            ("moved", 19_100),
            ("gone", 19_200),
        ):
            await session.mark(text, INFO.time_ns(index))
        _, come, moved, gone = map(marks.mark_id, session.desk.notebook.marks)
        await session.desk.edit(Edit(do="delete", mark=gone))
        await session.desk.edit(Edit(do="move", mark=moved, time_ns=INFO.time_ns(19_300)))
        await session.desk.edit(Edit(do="rename", mark=come, text="renamed"))
        session.start_recording(path)
        for _ in range(3):
            await session.desk.undo()
        while session.snapshot.stop < 20_000:
            session.refresh()
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    with Recording(path) as recording:
        told = [(mark.attrs["text"], recording.info.index_at(mark.time_ns))
                for mark in sorted(recording.markers, key=lambda mark: mark.time_ns)]  # fmt: skip
    assert told == [("to come", 19_000), ("moved", 19_100), ("gone", 19_200)]


def test_marks_that_are_all_in_the_closed_file_leave_nothing_beside_it(tmp_path):
    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run(record=tmp_path / "m.h5"))
        await session.started.wait()
        await session.mark("door opened", 0)
        assert len(list(tmp_path.iterdir())) == 2
        while session.snapshot.n_markers == 0:
            session.refresh()
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    assert [each.name for each in tmp_path.iterdir()] == ["m.h5"]


def test_what_is_undone_of_a_time_before_a_recording_leaves_nothing_beside_it(tmp_path):
    async def work() -> None:
        session = session_of(ListSource(STEP, hold=True))
        run = asyncio.create_task(session.run())
        await session.started.wait()
        await session.mark("past", INFO.t0_ns - 5)
        (past,) = session.desk.notebook.marks
        await session.desk.edit(Edit(do="rename", mark=marks.mark_id(past), text="renamed"))
        session.start_recording(tmp_path / "m.h5")
        assert [await session.desk.undo() for _ in range(2)] == ["the text renamed", "past"]
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(work())
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".jsonl"] == []


def test_a_recording_does_not_take_over_the_marks_of_one_that_is_gone(tmp_path):
    (tmp_path / "m.h5").touch()
    marks.append(tmp_path / "m.h5", marks.Edit(do="note", text="old"))
    (tmp_path / "m.h5").unlink()
    with pytest.raises(RecordingError, match="marks of an earlier recording"):
        ran(STEP, record=tmp_path / "m.h5")


def test_no_mark_is_put_beside_a_recording_that_is_not_there(tmp_path):
    with pytest.raises(RecordingError, match="the file was removed; it is not kept"):
        marks.append(tmp_path / "m.h5", marks.Edit(do="note", text="lost"))
    assert list(tmp_path.iterdir()) == []


def test_there_may_be_no_mark_to_take_back():
    with pytest.raises(EngineError, match="no mark by hand"):
        asyncio.run(session_of(ListSource([])).desk.undo())
