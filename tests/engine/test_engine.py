import asyncio
import threading

import pytest
from fake_meters import WALL, ListMeter, reading
from fakes import FakeClock, ListSource, dc_block

from monitor.config import HistorySettings, MetricsSettings
from monitor.engine.client import EngineClient
from monitor.engine.server import Engine, new_recording
from monitor.errors import EngineError
from monitor.recording import marks
from monitor.recording.marks import Edit, mark_id
from monitor.recording.reader import Recording
from monitor.recording.writer import Writer
from monitor.session import Session

BLOCKS = [dc_block(k * 1000, 120.0) for k in range(20)]


@pytest.fixture
def served(tmp_path):
    """An engine in a thread with a loop of its own, as far from the test as a process."""
    endpoint = f"ipc://{tmp_path / 'e.ipc'}"

    def session(_):
        made = Session(
            ListSource(BLOCKS, hold=True), None,
            meters=[ListMeter([reading(150.0, k / 10) for k in range(1, 21)])],
            metrics=MetricsSettings(), history=HistorySettings(seconds=60.0), clock=FakeClock(),
        )  # fmt: skip
        return made, None

    failure = []

    def work():
        engine = Engine(session, endpoint=endpoint, recordings=tmp_path)
        try:
            asyncio.run(engine.run())
        except Exception as error:
            failure.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    with EngineClient(endpoint) as client:
        client.wait(10.0)
        yield client
        client.shutdown()
    thread.join(10.0)
    assert not thread.is_alive()
    assert not failure


def all_blocks_seen(client):
    while (frame := client.frame(n_columns=10, span=20_000)).snapshot.stop < 20_000:
        pass
    return frame


def test_a_viewer_gets_the_newest_numbers_and_as_many_columns_as_it_asked_for(served):
    frame = all_blocks_seen(served)
    assert frame.view is not None
    assert frame.view.low.shape == (3, 10)
    assert frame.view.low[2] == pytest.approx([120.0] * 10)
    assert frame.snapshot.metrics.energy_j == pytest.approx(240.0, rel=1e-6)


def test_a_viewer_gets_slow_channels_with_their_steps_and_energies(served):
    all_blocks_seen(served)
    while not (table := served.table()).slow or table.slow[0].total.coverage < 0.99:
        pass
    assert table.slow[0].total.energy_j == pytest.approx(300.0)
    frame = served.frame(n_columns=10, span=20_000)
    assert frame.snapshot.slow[0].channel == frame.slow[0].channel == WALL
    assert frame.slow[0].low.tolist() == [150.0] * 10


def test_a_viewer_asks_what_was_measured_between_two_instants(served):
    all_blocks_seen(served)
    numbers = served.measured(5_000, 15_000)
    assert (numbers.start, numbers.stop) == (5_000, 15_000)
    assert numbers.total.energy_j == pytest.approx(120.0, rel=1e-6)
    assert numbers.signals[-1].name == "p(t)"


def test_a_viewer_records_and_stops(served, tmp_path):
    all_blocks_seen(served)
    path = served.start_recording(str(tmp_path / "by-hand.h5"))
    assert path == str(tmp_path / "by-hand.h5")
    with pytest.raises(EngineError, match="already recording"):
        served.start_recording()
    assert served.stop_recording() == path
    with pytest.raises(EngineError, match="nothing is being recorded"):
        served.stop_recording()


@pytest.mark.parametrize(
    ("ask", "slow"),
    [
        (lambda client: client.mark("in the dark"), (marks, "append")),
        (lambda client: client.stop_recording(), (Writer, "close")),
    ],
)
def test_a_disk_that_does_not_answer_keeps_nobody_from_watching(
    served, tmp_path, monkeypatch, ask, slow
):
    all_blocks_seen(served)
    served.start_recording(str(tmp_path / "r.h5"))
    asked, answer, at_once = threading.Event(), threading.Event(), getattr(*slow)

    def wait(*args, **kwargs):
        asked.set()
        answer.wait()
        return at_once(*args, **kwargs)

    monkeypatch.setattr(*slow, wait)
    with EngineClient(served.endpoint, timeout_s=60.0) as patient:
        waiting = threading.Thread(target=ask, args=(patient,))
        waiting.start()
        asked.wait()
        assert served.frame(n_columns=1, span=20_000).snapshot.stop == 20_000
        with (
            EngineClient(served.endpoint, timeout_s=0.05) as hasty,
            pytest.raises(EngineError, match="its disk may be slow or gone"),
        ):
            hasty.mark("again")
        assert waiting.is_alive()
        answer.set()
        waiting.join()
    while "again" not in [mark.attrs["text"] for mark in served.notebook().marks]:
        pass


def test_a_viewer_saves_the_past(served, tmp_path):
    all_blocks_seen(served)
    path = served.save_recent(60.0, str(tmp_path / "past.h5"))
    while not any(
        "saved the last 2 s" in text for text in served.frame(n_columns=1).snapshot.warnings
    ):
        pass
    with Recording(path) as recording:
        assert recording.n_samples == 20_000


def test_a_mark_from_a_shell_arrives(served):
    all_blocks_seen(served)
    served.mark("door opened")
    while not (marks := served.frame(n_columns=1, span=20_000).timeline.marks):
        pass
    assert marks[0].attrs["text"] == "door opened"
    assert served.undo() == "door opened"
    assert not served.frame(n_columns=1, span=20_000).timeline.marks
    assert served.redo() == "door opened"
    (mark,) = served.notebook().marks
    served.edit(Edit(do="rename", mark=mark_id(mark), text="closed"))
    served.edit(Edit(do="note", text="cold"))
    assert [note.text for note in served.notebook().notes] == ["cold"]
    (mark,) = served.frame(n_columns=1, span=20_000).timeline.marks
    assert mark.attrs["text"] == "closed"
    assert served.undo() == "cold"
    assert served.notebook().redo == served.redo() == "cold"
    (note,) = served.notebook().notes
    served.edit(Edit(do="rename", mark=note.note_id, text="warm"))
    assert [note.text for note in served.notebook().notes] == ["warm"]
    served.edit(Edit(do="delete", mark=note.note_id))
    assert served.notebook().notes == ()
    assert served.undo() == "the deletion of a note"
    with pytest.raises(EngineError, match="a note on the session has no time"):
        served.edit(Edit(do="move", mark=note.note_id, time_ns=1))
    with pytest.raises(EngineError, match="no mark or note 'x'"):
        served.edit(Edit(do="delete", mark="x"))


def test_a_live_session_has_no_speed(served):
    with pytest.raises(EngineError, match="only a replay"):
        served.set_speed(2.0)


def test_a_second_engine_is_refused(served, tmp_path):
    second = Engine(lambda _: (None, None), endpoint=served.endpoint, recordings=tmp_path)
    with pytest.raises(EngineError, match="already runs"):
        asyncio.run(second.run())


def test_where_no_engine_is_the_client_says_how_to_start_one(tmp_path):
    endpoint = f"ipc://{tmp_path / 'none.ipc'}"
    with EngineClient(endpoint, timeout_s=0.1) as client, pytest.raises(EngineError) as caught:
        client.hello()
    assert endpoint in str(caught.value)
    assert "wattstage record" in str(caught.value)


def test_names_of_recordings_do_not_collide(tmp_path):
    first = new_recording(tmp_path)
    first.touch()
    assert new_recording(tmp_path) != first


def test_an_ended_engine_leaves_no_socket_and_a_closed_file(tmp_path):
    endpoint, path = f"ipc://{tmp_path / 'e.ipc'}", tmp_path / "a.h5"

    def session(_):
        made = Session(
            ListSource(BLOCKS), None,
            metrics=MetricsSettings(), history=HistorySettings(seconds=60.0), clock=FakeClock(),
        )  # fmt: skip
        return made, None

    engine = Engine(session, endpoint=endpoint, recordings=tmp_path)
    asyncio.run(engine.run(record=path))
    assert engine.recorded == [str(path)]
    assert not (tmp_path / "e.ipc").exists()
    with Recording(path) as recording:
        assert recording.closed
        assert recording.n_samples == 20_000
