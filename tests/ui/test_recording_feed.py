import contextlib
import math
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from fake_meters import WALL, WATER, reading
from fakes import INFO, RATE_HZ, dc_block, stage_edge
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from monitor.analysis.stage_table import stage_table
from monitor.config import RecordingSettings
from monitor.errors import EngineError, RecordingError
from monitor.model import Edge
from monitor.recording.marks import Edit, journal_path, mark_id
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.recording.schema import STATUS_CLOSED
from ui.feed import NOT_YET, FrameRequest
from ui.recording_feed import RecordingFeed
from ui.replay import ReplayProcess, command

SAMPLE = Path(__file__).parents[2] / "recordings" / "sample.h5"
WATTS = (120.0, 360.0)
WHOLE = FrameRequest(None, None, 10**9, 200)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """4 s at 10 kS/s: 120 W for 2 s, then 360 W, with 0.1 s missing at 3 s."""
    path = tmp_path_factory.mktemp("recordings") / "step.h5"
    with Recorder(path, INFO) as recorder:
        recorder.mark(stage_edge("run", Edge.BEGIN, 0.5, "a", seq=1))
        for k in range(40):
            if k != 30:
                recorder.write(dc_block(k * 1000, WATTS[k >= 20]))
        for k in range(1, 31):
            recorder.add(reading(100.0 + k, k / 10))
        recorder.announce((WATER,))
        recorder.mark(stage_edge("denoise", Edge.BEGIN, 2.0, "b", "a", seq=2))
        recorder.mark(stage_edge("denoise", Edge.END, 3.5, "b", "a", seq=3))
        recorder.mark(stage_edge("run", Edge.END, 3.8, "a", seq=4))
    return path


@pytest.fixture
def feed(path):
    with contextlib.closing(RecordingFeed(path)) as feed:
        yield feed


def test_all_of_a_recording_is_on_the_plots(feed):
    frame = feed.frame(WHOLE)
    assert (frame.view.edges[0], frame.view.edges[-1]) == (0, 40_000)
    assert frame.snapshot.state == "ended"
    assert frame.snapshot.replay_speed == 1.0
    assert [s.path for s in frame.timeline.stages] == ["run", "run/denoise"]
    assert feed.progress == 1.0


def test_no_picture_of_a_long_recording_waits_for_its_numbers(path, feed, monkeypatch):
    monkeypatch.setattr("ui.still_numbers._LONG", 0)
    monkeypatch.setattr("ui.still_numbers._PATIENCE_S", 1e-9)
    monkeypatch.setattr("ui.in_pieces._FEW", 1)
    monkeypatch.setattr("ui.in_pieces._AT_ONCE", 2)
    with contextlib.closing(RecordingFeed(path)) as long_feed:
        first = long_feed.frame(WHOLE)
        assert first.snapshot.metrics is None
        n_without = 0
        for at in (40_000, 20_000, 25_000):
            for each in (feed, long_feed):
                each.seek(at)
            while (found := long_feed.frame(WHOLE)).snapshot.version == NOT_YET:
                assert np.array_equal(found.view.low, first.view.low, equal_nan=True)
                n_without += 1
            assert repr(found.snapshot) == repr(feed.frame(WHOLE).snapshot)  # NaN is not itself
        assert n_without  # how many depends on how long each picture took


def test_what_changed_since_it_was_recorded_is_a_warning(path, tmp_path):
    copy = tmp_path / shutil.copy(path, tmp_path / "c.h5")
    with h5py.File(copy, "r+") as file:
        file["scales"][0, 0] *= 2.0
        file["summaries/extremes_0"][0, 3] += 1.0
    with contextlib.closing(RecordingFeed(copy)) as feed:
        last = feed.frame(WHOLE).snapshot.warnings[-1]
        assert "c.h5: its scales changed since it was recorded: every number may be wrong" in last
        feed.resume()
        assert last in feed.frame(WHOLE).snapshot.warnings


def test_at_the_end_the_numbers_are_those_of_the_stage_table(feed, path):
    metrics = feed.frame(WHOLE).snapshot.metrics
    with Recording(path) as recording:
        table = stage_table(recording, "step")
    assert metrics.energy_j == pytest.approx(table.total.energy_j)
    assert metrics.coverage == pytest.approx(0.975)
    assert (metrics.n_gaps, metrics.n_clipped) == (1, 0)
    assert feed.table().total == table.total


def test_what_is_lost_is_a_warning(tmp_path):
    how = RecordingSettings(split_hours=1e-12)
    with Recorder(tmp_path / "r.h5", INFO, how=how, flush_s=0.0) as recorder:
        for k in range(3):
            recorder.write(dc_block(k * 1000, 100.0))
            recorder.drain(0)
    (tmp_path / "r.part3.h5").unlink()
    with contextlib.closing(RecordingFeed(tmp_path / "r.h5")) as feed:
        (warning,) = feed.frame(WHOLE).snapshot.warnings
    assert "part 3 is missing" in warning


def test_the_numbers_are_those_at_the_playhead(feed):
    feed.seek(round(2.5 * RATE_HZ))
    snapshot = feed.frame(WHOLE).snapshot
    metrics = snapshot.metrics
    assert metrics.power_w == pytest.approx(360, rel=1e-3)
    assert metrics.energy_j == pytest.approx(2 * 120 + 0.5 * 360, rel=1e-6)
    assert metrics.averages[1].mean_w == pytest.approx(240, rel=1e-2)
    assert metrics.vrms_v == pytest.approx(12, rel=1e-3)
    assert [used.stage.name for used in snapshot.stages] == ["run", "denoise"]
    assert snapshot.stages[-1].energy_j == pytest.approx(180, rel=1e-6)
    assert snapshot.now_ns == INFO.time_ns(25_000)


def test_slow_channels_are_on_the_plots_and_stand_as_at_the_playhead(feed):
    wall, water = feed.frame(WHOLE).slow
    assert (wall.channel, water.channel) == (WALL, WATER)
    assert wall.low.tolist() == [100.0 + k for k in range(1, 31)]
    feed.seek(round(2.55 * RATE_HZ))
    wall, water = feed.frame(WHOLE).snapshot.slow
    assert (wall.value, wall.age_s) == (125.0, pytest.approx(0.05))
    assert math.isnan(water.value)
    assert feed.table().slow[0].channel == WALL


def test_slow_channels_are_all_there_from_the_start_of_a_replay(feed, until):
    feed.seek(0)
    feed.set_speed(0.1)
    feed.resume()
    until(lambda: len(feed.frame(WHOLE).snapshot.slow) == 2)
    assert len(feed.frame(WHOLE).slow) == 2


def test_a_window_over_a_gap_says_what_was_captured(feed):
    feed.seek(31_000)
    averages = feed.frame(WHOLE).snapshot.metrics.averages
    assert averages[1].coverage == pytest.approx(0.9)
    assert averages[2].coverage == pytest.approx(30 / 31)


def test_at_the_start_there_are_no_numbers_yet(feed):
    feed.seek(0)
    assert feed.frame(WHOLE).snapshot.metrics is None
    feed.seek(10**9)
    assert feed.frame(WHOLE).snapshot.metrics.at == 40_000


@pytest.fixture
def copied(path, tmp_path):
    copy = tmp_path / "copy.h5"
    copy.write_bytes(path.read_bytes())
    return copy


def shown(feed):
    frame = feed.frame(WHOLE)
    assert sorted(frame.timeline.marks, key=lambda m: m.time_ns) == list(feed.notebook().marks)
    return [
        (mark.attrs["text"], (mark.time_ns - INFO.t0_ns) / 1e9) for mark in feed.notebook().marks
    ]


def at(seconds):
    return INFO.t0_ns + round(seconds * 1e9)


def test_marks_and_notes_of_a_closed_file_are_edited_beside_it(copied):
    before = copied.read_bytes()
    with contextlib.closing(RecordingFeed(copied)) as feed:
        feed.frame(WHOLE)
        feed.mark("door", at(1))
        feed.mark("fan", at(2))
        door, fan = map(mark_id, feed.notebook().marks)
        feed.edit(Edit(do="rename", mark=door, text="window"))
        feed.edit(Edit(do="move", mark=door, time_ns=at(3)))
        feed.edit(Edit(do="delete", mark=fan))
        feed.edit(Edit(do="note", text="cold"))
        (cold,) = feed.notebook().notes
        feed.edit(Edit(do="rename", mark=cold.note_id, text="warm"))
        assert (shown(feed), [n.text for n in feed.notebook().notes]) == (
            [("window", 3.0)], ["warm"],
        )  # fmt: skip
        feed.edit(Edit(do="delete", mark=cold.note_id))
        assert feed.notebook().notes == ()
        with pytest.raises(EngineError, match="no mark or note"):
            feed.edit(Edit(do="rename", mark=cold.note_id, text="late"))
        with pytest.raises(EngineError, match="no time"):
            feed.edit(Edit(do="move", mark=cold.note_id, time_ns=at(1)))
        assert [feed.undo() for _ in range(2)] == ["the deletion of a note", "the text warm"]
        assert feed.notebook().notes == (cold,)
        assert [feed.undo() for _ in range(3)] == [
            "cold", "the deletion of a mark", "the move of a mark",
        ]  # fmt: skip
        assert (shown(feed), feed.notebook().notes) == ([("window", 1.0), ("fan", 2.0)], ())
        assert feed.notebook().undo == "the text window"
        assert feed.notebook().redo == feed.redo() == "the move of a mark"
        assert shown(feed) == [("fan", 2.0), ("window", 3.0)]
    with contextlib.closing(RecordingFeed(copied)) as feed:
        assert shown(feed) == [("fan", 2.0), ("window", 3.0)]
        assert feed.notebook().redo == "the deletion of a mark", "also in another window"
        assert feed.undo() == "the move of a mark"
        assert shown(feed) == [("window", 1.0), ("fan", 2.0)]
        feed.mark("new", at(0))
        with pytest.raises(EngineError, match="nothing was taken back"):
            feed.redo()
    assert copied.read_bytes() == before


def test_a_mark_of_a_closed_file_lies_within_it(copied):
    with contextlib.closing(RecordingFeed(copied)) as feed:
        with pytest.raises(EngineError, match=r"5 s is not in copy\.h5, which is 4 s long"):
            feed.mark("x", at(5))
        with pytest.raises(EngineError, match="no mark or note 'x'"):
            feed.edit(Edit(do="delete", mark="x"))
        with pytest.raises(EngineError, match="no edit beside it"):
            feed.undo()
    assert not journal_path(copied).exists()


def test_a_recording_is_one_already(feed):
    with pytest.raises(EngineError, match="recording already"):
        feed.start_recording(None)
    with pytest.raises(EngineError, match="nothing is being recorded"):
        feed.stop_recording()


def test_a_file_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"something else")
    with pytest.raises(RecordingError, match=r"x\.h5"):
        RecordingFeed(tmp_path / "x.h5")


def test_reading_of_a_file_without_summaries_can_be_given_up(tmp_path):
    bare = shutil.copy(SAMPLE, tmp_path / "bare.h5")
    with h5py.File(bare, "r+") as file:
        del file["summaries"]
    with contextlib.closing(RecordingFeed(bare)) as feed:
        feed.abandon()
        with pytest.raises(RecordingError, match="closed before"):
            feed.frame(WHOLE)


def test_a_replay_plays_in_an_engine_of_its_own_and_is_steered(feed, until):
    feed.frame(WHOLE)
    feed.seek(10_000)
    feed.set_speed(0.5)
    feed.resume()
    process = feed._player[0]._process
    until(lambda: (m := feed.frame(WHOLE).snapshot.metrics) is not None and m.at > 10_000)
    snapshot = feed.frame(WHOLE).snapshot
    assert (snapshot.state, snapshot.replay_speed) == ("running", 0.5)
    assert (snapshot.start, snapshot.stop) == (0, 40_000)
    assert snapshot.now_ns == INFO.time_ns(snapshot.metrics.at)
    feed.pause()
    assert feed.frame(WHOLE).snapshot.state == "paused"
    feed.seek(39_000)
    feed.set_speed(100)
    feed.resume()
    until(lambda: feed.frame(WHOLE).snapshot.state == "ended")
    assert feed.frame(WHOLE).snapshot.now_ns == INFO.time_ns(40_000)
    assert process.poll() is not None


def test_closing_ends_the_replay(path, until):
    with contextlib.closing(RecordingFeed(path)) as feed:
        feed.seek(0)
        feed.resume()
        process = feed._player[0]._process
    assert process.poll() is not None


def test_a_replay_that_cannot_start_says_why(tmp_path):
    replay = ReplayProcess(tmp_path / "missing.h5", start_s=0, speed=1)
    with contextlib.closing(replay), pytest.raises(EngineError, match=r"did not start: .*missing"):
        replay.wait()


def test_the_replay_is_the_engine_of_the_command_line(tmp_path):
    words = command(tmp_path / "a.h5", start_s=1.5, speed=0.25, endpoint="ipc:///tmp/x")
    assert words[1:5] == ["-m", "monitor.cli", "engine", "--replay"]
    assert words[5:] == [
        str(tmp_path / "a.h5"), "--start-s", "1.500000", "--speed", "0.25",
        "--endpoint", "ipc:///tmp/x",
    ]  # fmt: skip


def test_a_recording_in_the_window_can_be_browsed_by_key(show, until, path):
    window = show(RecordingFeed(path))
    assert window.transport.position.text() == "0:04.0 / 0:04.0"
    QTest.keyClick(window, Qt.Key.Key_Home)
    until(lambda: window.transport.position.text() == "0:00.0 / 0:04.0")


def opened(path):
    with contextlib.closing(RecordingFeed(path)) as feed:
        return feed.frame(WHOLE).snapshot.warnings


def test_a_recording_that_is_whole_opens_without_a_word(path):
    assert opened(path) == ()


def test_a_recording_that_was_not_ended_says_so_and_how_it_is_repaired(path, tmp_path):
    cut = tmp_path / "cut.h5"
    shutil.copy(path, cut)
    with h5py.File(cut, "r+") as file:
        file["status"][STATUS_CLOSED] = 0
    (warning,) = opened(cut)
    assert warning.startswith("cut.h5 was not ended by its recorder")
    assert "`wattstage repair cut.h5 -o OUT`" in warning


def test_what_is_lost_of_a_recording_is_the_first_thing_said_of_it(path, tmp_path):
    cut = tmp_path / "cut.h5"
    shutil.copy(path, cut)
    journal_path(cut).write_bytes(b"{no journal\n" * 3)
    *_, worst = opened(cut)
    assert worst.startswith("cut.h5: ")
    assert "repair" in worst


def test_a_recording_without_summaries_says_why_it_is_slow(path, tmp_path):
    bare = tmp_path / "bare.h5"
    shutil.copy(path, bare)
    with h5py.File(bare, "r+") as file:
        del file["summaries"]
    (warning,) = opened(bare)
    assert "no summaries that hold" in warning


def test_between_two_instants_a_recording_says_what_the_session_said(feed):
    found = feed.measured(15_000, 25_000)
    assert found.total.energy_j == pytest.approx(0.5 * 120 + 0.5 * 360, rel=1e-6)
    assert found.signals[-1].high == pytest.approx(360, rel=1e-3)
    assert feed.measured(-10, 10**9).stop == 40_000
