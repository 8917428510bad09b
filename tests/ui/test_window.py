import time

import pytest
from fake_feed import GAP_S, INFO, T0_NS, FakeFeed, stage
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from monitor.errors import RecordingError
from monitor.model import NS
from ui.keys import COMMANDS
from ui.scaling import Tick
from ui.theme import DARK, LIGHT
from ui.viewport import Mode

RATE = INFO.sample_rate_hz


def press(window, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(window, key, modifier)


def at_time(window, time_s) -> QPoint:
    canvas = window.plots._canvas()
    return QPoint(round(canvas.scale.px(time_s)), round(canvas.plots[0].rect.center().y()))


def wheel(window, notches, point):
    where = QPointF(point)
    event = QWheelEvent(
        where, where, QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(window.plots.viewport(), event)


def extent(window):
    return window.navigator.viewport.extent(window.navigator._bounds)


def test_the_readouts_say_what_the_snapshot_says(show):
    window = show()
    titles = [tile.title.text() for tile in window.readouts.tiles]
    assert titles[:4] == ["Power now", "Mean 1 s", "Mean 10 s", "Ramp 100 ms"]
    assert window.readouts.tiles[0].accessibleName().startswith("Power now: ")


def test_record_starts_and_then_stops_a_recording(show, until):
    feed = FakeFeed()
    window = show(feed)
    press(window, Qt.Key.Key_R)
    until(lambda: window.commands["record"].text() == "Stop")
    assert feed.calls == [("start_recording", None)]
    QTest.mouseClick(window.toolbar.buttons["record"], Qt.MouseButton.LeftButton)
    until(lambda: window.commands["record"].text() == "Record")
    assert feed.calls[1:] == [("stop_recording",)]


def test_a_mark_carries_its_text_and_the_time_of_the_key(show, until):
    feed, clock = FakeFeed(), iter([T0_NS + 41, T0_NS + 99])
    window = show(feed, now_ns=lambda: next(clock))
    press(window, Qt.Key.Key_M)
    field = window.toolbar.mark_field
    assert field.isVisible()
    QTest.keyClicks(field, "door rf+")
    QTest.keyClick(field, Qt.Key.Key_Return)
    until(lambda: feed.calls)
    assert feed.calls == [("mark", "door rf+", T0_NS + 41)]
    assert not field.isVisible()
    press(window, Qt.Key.Key_R)
    until(lambda: feed.calls[-1] == ("start_recording", None))


def test_escape_drops_a_mark(show):
    feed = FakeFeed()
    window = show(feed)
    press(window, Qt.Key.Key_M)
    QTest.keyClick(window.toolbar.mark_field, Qt.Key.Key_Escape)
    assert not window.toolbar.mark_field.isVisible()
    assert feed.calls == []


def test_pause_holds_the_plots_while_the_session_goes_on(show, until):
    feed = FakeFeed()
    feed.step_samples = 2000
    window = show(feed)
    press(window, Qt.Key.Key_Space)
    held, seen = extent(window), window.snapshot.stop
    until(lambda: window.snapshot.stop > seen)
    assert extent(window) == held
    assert window.commands["pause"].isChecked()
    press(window, Qt.Key.Key_Space)
    assert window.navigator.following
    assert extent(window)[1] > held[1]


def test_follow_keeps_the_newest_sample_at_the_right_edge(show, until):
    feed = FakeFeed()
    feed.step_samples = 2000
    window = show(feed)
    until(lambda: window.navigator._bounds[1] > 5_210_000)
    assert extent(window)[1] == window.navigator._bounds[1]
    press(window, Qt.Key.Key_F)
    stays = extent(window)
    seen = window.snapshot.stop
    until(lambda: window.snapshot.stop > seen)
    assert extent(window) == stays


def test_zoom_keys_halve_and_double_what_is_shown(show):
    window = show()
    before = extent(window)
    press(window, Qt.Key.Key_Plus)
    assert extent(window)[1] - extent(window)[0] == pytest.approx((before[1] - before[0]) / 2)
    assert extent(window)[1] == before[1]
    press(window, Qt.Key.Key_Minus)
    assert extent(window) == pytest.approx(before)


def test_arrow_keys_pan_by_a_tenth_and_leave_follow(show):
    window = show()
    left, right = extent(window)
    press(window, Qt.Key.Key_Left)
    assert extent(window) == pytest.approx(
        (left - (right - left) / 10, right - (right - left) / 10)
    )
    assert not window.navigator.following


def test_the_wheel_zooms_about_the_pointer(show):
    window = show()
    press(window, Qt.Key.Key_F)
    point = at_time(window, 30.0)
    time_s = window.plots._canvas().scale.time_s(point.x())
    wheel(window, 2, point)
    assert window.plots._canvas().scale.time_s(point.x()) == pytest.approx(time_s, rel=1e-6)
    assert extent(window)[1] - extent(window)[0] == pytest.approx(15.0 * RATE)


def test_a_drag_moves_the_view_with_the_pointer(show):
    window = show()
    press(window, Qt.Key.Key_F)
    left, _ = extent(window)
    viewport, point = window.plots.viewport(), at_time(window, 40.0)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=point)
    for step in (20, 60, 100):
        QTest.mouseMove(viewport, point + QPoint(step, 0))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=point + QPoint(100, 0))
    moved = (left - extent(window)[0]) / RATE * window.plots._canvas().scale.px_per_s
    assert moved == pytest.approx(100, abs=1)


def test_a_double_click_shows_everything(show):
    window = show()
    QTest.mouseDClick(window.plots.viewport(), Qt.MouseButton.LeftButton, pos=at_time(window, 40))
    assert window.navigator.viewport.mode is Mode.ALL
    assert extent(window) == (0, window.snapshot.stop)


def test_t_switches_between_dark_and_light(show):
    window = show()
    dark = window.grab().toImage().pixelColor(5, 5).lightness()
    press(window, Qt.Key.Key_T)
    assert window.theme is LIGHT
    assert window.grab().toImage().pixelColor(5, 5).lightness() > dark + 100
    press(window, Qt.Key.Key_T)
    assert window.theme is DARK


def test_an_engine_that_goes_away_is_told_calmly_and_asked_again(show, until):
    feed = FakeFeed()
    window = show(feed)
    feed.error = "no engine answers at ipc:///x"
    until(lambda: window.banner.text.text() == "no engine answers at ipc:///x")
    assert window.status_line.labels[0].text() == "● no answer"
    assert window.readouts.tiles[0].accessibleName().endswith("3 s old")
    feed.error = None
    until(lambda: not window.banner.isVisible())
    assert window.readouts.tiles[0].title.text() == "Power now"


def test_of_a_recording_nothing_is_claimed_while_the_engine_does_not_answer(show, until):
    feed = FakeFeed()
    window = show(feed)
    press(window, Qt.Key.Key_R)
    until(lambda: window.commands["record"].text() == "Stop")
    feed.error = "the engine, process 7, is gone"
    until(lambda: window.commands["record"].text() == "Record")
    assert not window.commands["record"].isEnabled()
    assert not window.commands["follow"].isChecked()
    assert "wattstage repair 2026-03-01T12-00-00.h5" in window.banner.accessibleName()
    feed.error = None
    until(lambda: window.commands["record"].text() == "Stop")
    assert window.commands["record"].isEnabled()
    assert window.commands["follow"].isChecked()


def test_after_a_resize_without_a_frame_stages_and_traces_have_one_time_axis(show, until):
    feed = FakeFeed()
    window = show(feed, size=(1500, 900))
    feed.error = "gone"
    until(window.banner.isVisible)
    window.resize(900, 600)
    plot = window.plots.plots[0]
    until(lambda: plot.rect.right() < 900)
    scale = window.plots._canvas().scale
    assert (scale.left, scale.right) == (plot.rect.left(), plot.rect.right())
    assert window.plots._canvas().plots[-1].rect.bottom() <= window.plots.viewport().height()


def test_a_long_warning_is_broken_or_cut_off_at_a_sign(show):
    window = show(size=(900, 700))
    window.banner.warn("a disk that does not answer " * 30)
    window.banner.warn("a disk that does not answer " * 30)
    first, second = window.banner.text.text().splitlines()
    assert first.split()[-1] in {"a", "disk", "that", "does", "not", "answer"}
    assert second.endswith("…   (1 more)")
    width = window.banner.text.fontMetrics().horizontalAdvance(second)
    assert width <= window.banner.text.width()
    window.banner.forget()
    assert not window.banner.isVisible()


def test_closing_the_window_lets_go_and_stops_nothing(show):
    feed = FakeFeed()
    window = show(feed)
    press(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert feed.closed
    assert feed.calls == []


def test_a_plot_can_be_hidden_but_not_the_last(show):
    window = show()
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4):
        press(window, key)
    assert [plot.spec.key for plot in window.plots.plots] == ["ramp"]
    press(window, Qt.Key.Key_1)
    assert [plot.spec.key for plot in window.plots.plots] == ["power", "ramp"]


def test_w_shows_one_ramp_window_after_the_other_then_all(show):
    window = show()
    ramp = window.plots.plots[-1]
    seen = []
    for _ in range(4):
        press(window, Qt.Key.Key_W)
        seen.append([series.name for series in ramp.shown])
    assert seen == [["100 ms"], ["1 s"], ["10 s"], ["100 ms", "1 s", "10 s"]]


def test_a_gap_is_a_break_in_the_trace(show, until):
    window = show()
    middle = round(sum(GAP_S) / 2 * RATE)
    window.navigator._go(
        window.navigator.viewport.shown(middle - RATE, middle + RATE, window.navigator._bounds)
    )
    until(lambda: abs(window.plots._frame.view.edges - middle).max() < 2 * RATE)
    image = window.plots.grab().toImage()
    plot = window.plots.plots[1]
    x = round(window.plots._canvas().scale.px(middle / RATE))
    column = {image.pixelColor(x, y).name() for y in range(
        round(plot.rect.top()) + 30, round(plot.rect.bottom()) - 2)}  # fmt: skip
    lit = {image.pixelColor(x - 400, y).name() for y in range(
        round(plot.rect.top()) + 30, round(plot.rect.bottom()) - 2)}  # fmt: skip
    assert not column & {"#56b4e9"}
    assert column != lit


def test_unknown_and_deeply_nested_stages_render(show):
    feed = FakeFeed()
    parent = None
    for depth in range(12):
        name = f"größe <b>{depth}</b> 名前"
        parent = stage(name, 40.0 + depth / 10, None, parent=parent)
        feed.stages.append(parent)
    window = show(feed)
    assert not window.grab().isNull()


def test_two_thousand_stages_and_marks_render(show):
    feed = FakeFeed()
    feed.stages += [stage(f"s{k % 9}", k / 40, (k + 0.9) / 40, index=k) for k in range(2000)]
    feed.marks += [m for k in range(500) for m in feed.marks[:1]]
    window = show(feed)
    press(window, Qt.Key.Key_A)
    assert not window.grab().isNull()


def test_the_pointer_reads_values_time_and_stage(show, until):
    window = show()
    QTest.mouseMove(window.plots.viewport(), at_time(window, 45.0))
    until(lambda: window.plots._canvas().pointer_px is not None)
    QTest.mouseMove(window.plots.viewport(), QPoint(600, 40))
    window.grab()


def test_choosing_a_stage_in_the_table_shows_it(show, until):
    window = show()
    press(window, Qt.Key.Key_S)
    until(lambda: window.table.stages.rowCount() > 10)
    row = next(
        r for r in range(window.table.stages.rowCount())
        if (s := window.table.stages.stage(r)) is not None and s.name == "vae_decode"
    )  # fmt: skip
    window.table.selectRow(row)
    chosen = window.table.stages.stage(row)
    left, right = extent(window)
    start, stop = (INFO.index_at(t) for t in (chosen.start_ns, chosen.stop_ns))
    assert left < start < stop < right
    assert right - left < 1.2 * (stop - start)
    assert window.plots._canvas().chosen == chosen
    window.table.selectRow(0)
    assert window.plots._canvas().chosen is None


def test_the_playhead_goes_to_the_end_of_a_stage_that_is_chosen(show, until):
    feed = FakeFeed(60.0, live=False)
    window = show(feed)
    press(window, Qt.Key.Key_S)
    until(lambda: window.table.stages.rowCount() > 10)
    window.table.selectRow(5)
    until(lambda: feed.calls)
    chosen = window.table.stages.stage(5)
    assert feed.calls[-1] == ("seek", INFO.index_at(chosen.stop_ns) - 1)


def test_the_lane_says_what_a_stage_used(show, until):
    window = show(FakeFeed(60.0, live=False))
    canvas = window.plots._canvas()
    place = QPoint(round(canvas.scale.px(4.0)), round(canvas.lane_rect.top()) + 18 + 30)

    def said():
        QTest.mouseMove(window.plots.viewport(), place)
        place.setX(place.x() ^ 1)  # the pointer of the machine may be elsewhere
        return window.plots._canvas().used is not None

    until(said)
    assert window.plots._canvas().used.stage.name == "model_load"
    window.grab()


def test_a_recording_is_shown_whole_with_a_playhead(show, until):
    feed = FakeFeed(60.0, live=False)
    window = show(feed)
    assert window.navigator.viewport.mode is Mode.ALL
    assert window.transport.isVisible()
    assert not window.toolbar.buttons["record"].isVisible()
    QTest.mouseClick(window.plots.viewport(), Qt.MouseButton.LeftButton, pos=at_time(window, 20.0))
    until(lambda: feed.calls)
    ((name, index),) = feed.calls
    assert name == "seek"
    assert index / RATE == pytest.approx(20.0, abs=0.1)
    press(window, Qt.Key.Key_Home)
    until(lambda: feed.calls[-1] == ("seek", 0))


def test_a_replay_plays_holds_and_changes_its_speed(show, until):
    feed = FakeFeed(60.0, live=False)
    window = show(feed)
    press(window, Qt.Key.Key_Space)
    until(lambda: window.commands["pause"].text() == "Hold")
    press(window, Qt.Key.Key_Space)
    until(lambda: window.commands["pause"].text() == "Play")
    press(window, Qt.Key.Key_BracketRight)
    press(window, Qt.Key.Key_BracketLeft)
    until(lambda: len(feed.calls) == 4)
    assert feed.calls == [("resume",), ("pause",), ("set_speed", 2.0), ("set_speed", 1.0)]


def test_a_drag_on_the_lane_scrubs(show, until):
    feed = FakeFeed(60.0, live=False)
    window = show(feed)
    viewport, point = window.plots.viewport(), at_time(window, 10.0)
    point.setY(30)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=point)
    QTest.mouseMove(viewport, QPoint(at_time(window, 30.0).x(), 30))
    QTest.mouseRelease(
        viewport, Qt.MouseButton.LeftButton, pos=QPoint(at_time(window, 30.0).x(), 30)
    )
    until(lambda: feed.calls)
    assert feed.calls[-1][1] / RATE == pytest.approx(30.0, abs=0.1)
    assert window.navigator.viewport.mode is Mode.ALL


def test_a_recording_opens_in_place_of_the_session_and_back(show, until):
    live, browsed = FakeFeed(), FakeFeed(20.0, live=False)
    again = FakeFeed()
    window = show(live, open_recording=lambda path: browsed, live=lambda: again)
    window.banner.warn("junk.h5 is not a recording")
    window.open("some.h5")
    assert not window.banner.isVisible()
    until(lambda: window.snapshot is not None and window.snapshot.replay_speed is not None)
    assert live.closed
    press(window, Qt.Key.Key_L)
    until(lambda: window.snapshot is not None and window.snapshot.replay_speed is None)
    assert browsed.closed


def test_a_file_that_is_no_recording_is_told_in_the_banner(show, until):
    def refuse(path):
        raise RecordingError(f"{path} is not a recording")

    feed = FakeFeed()
    window = show(feed, open_recording=refuse)
    window.open("x.txt")
    seen = window.plots.n_painted
    until(lambda: window.plots.n_painted > seen + 1)
    assert window.banner.text.text() == "x.txt is not a recording"
    QTest.mouseClick(window.banner.dismiss, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()
    assert not feed.closed


def test_every_button_has_a_name_and_a_tip_with_its_key(show):
    window = show()
    for name, button in window.toolbar.buttons.items():
        assert button.accessibleName()
        key = next(command.key for command in COMMANDS if command.name == name)
        assert f"({key})" in button.toolTip()


def test_tab_reaches_a_button_and_space_presses_it(show):
    window = show()
    button = window.toolbar.buttons["theme"]
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert window.theme is LIGHT
    QTest.keyClick(button, Qt.Key.Key_Return)
    assert window.theme is DARK


def test_the_sheet_of_keys_opens_and_closes(show, until):
    window = show()
    press(window, Qt.Key.Key_F1)
    sheet = QApplication.activeModalWidget()
    assert sheet is not None
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    until(lambda: QApplication.activeModalWidget() is None)


def test_a_session_without_an_instrument_yet_shows_an_empty_window(show, until):
    feed = FakeFeed()
    whole = feed.frame

    def empty(request):
        frame = whole(request)
        snapshot = frame.snapshot
        import msgspec

        bare = msgspec.structs.replace(
            snapshot, state="connecting", info=None, metrics=None, start=0, stop=0, stages=()
        )
        return type(frame)(bare, None, type(frame.timeline)(stages=(), marks=()))

    feed.frame = empty
    window = show(feed, frame=False)
    until(lambda: window.snapshot is not None)
    assert window.readouts.tiles[0].value.text() == "–"
    assert not window.grab().isNull()
    assert time.time_ns() > NS


def test_recordings_are_looked_for_where_they_land(show, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("WATTSTAGE_RECORDINGS", str(tmp_path))
    monkeypatch.setattr(
        "ui.controls.QFileDialog.getOpenFileName", lambda *words: asked.append(words[2]) or ("", "")
    )
    window = show(FakeFeed(), open_recording=lambda path: None)
    press(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    monkeypatch.setenv("WATTSTAGE_RECORDINGS", str(tmp_path / "not there"))
    press(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    assert asked == [str(tmp_path), ""]


def test_a_narrow_toolbar_shows_signs_instead_of_words_that_are_cut_off(show, until):
    window = show(size=(1600, 700))
    button = window.toolbar.buttons["stages"]
    words, sign = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
    assert button.toolButtonStyle() is words
    assert window.toolbar.title.isVisible()
    window.resize(820, 700)
    until(lambda: button.toolButtonStyle() is sign)
    assert all(not b.icon().isNull() for b in window.toolbar.buttons.values() if b.isVisible())
    assert all(b.width() >= b.sizeHint().width() for b in window.toolbar.buttons.values())
    window.resize(1600, 700)
    until(lambda: button.toolButtonStyle() is words)


def test_the_sheet_of_keys_fits_the_screen(show):
    window = show()
    press(window, Qt.Key.Key_F1)
    sheet, screen = QApplication.activeModalWidget(), window.screen().availableSize()
    assert sheet.width() <= screen.width()
    assert sheet.height() <= screen.height()
    sheet.reject()


def test_a_legend_without_room_goes_on_below(show, until):
    window = show(size=(1600, 900))
    power = window.plots.plots[0]
    one_row = power.header_px
    window.plots.setMaximumWidth(360)
    until(lambda: power.header_px > one_row)
    window.plots.setMaximumWidth(1600)
    until(lambda: power.header_px == one_row)


def shift_drag(window, start, stop):
    viewport, shift = window.plots.viewport(), Qt.KeyboardModifier.ShiftModifier
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, shift, start)
    for place in ((start + stop) / 2, stop):
        QTest.mouseMove(viewport, place)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, shift, stop)


def test_shift_and_drag_measures_between_two_cursors(show, until):
    feed = FakeFeed(60.0, live=False)
    window = show(feed)
    shift_drag(window, at_time(window, 40.0), at_time(window, 20.0))
    until(lambda: window.plots._canvas().numbers is not None)
    numbers, place = window.plots._canvas().numbers, window.plots._canvas().cursors_s
    assert place == pytest.approx((20.0, 40.0), abs=0.1)
    assert (numbers.start, numbers.stop) == tuple(round(each * RATE) for each in place)
    assert extent(window) == (0, 60 * RATE), "the view was not moved"
    assert feed.calls == [], "nor the playhead"


def test_a_cursor_is_dragged_further_while_the_other_stands(show, until):
    window = show(FakeFeed(60.0, live=False))
    shift_drag(window, at_time(window, 20.0), at_time(window, 40.0))
    viewport, left = window.plots.viewport(), Qt.MouseButton.LeftButton
    QTest.mousePress(viewport, left, pos=at_time(window, 40.0))
    QTest.mouseMove(viewport, at_time(window, 10.0))
    QTest.mouseRelease(viewport, left, pos=at_time(window, 10.0))
    assert window.plots.cursors_s == pytest.approx((10.0, 20.0), abs=0.1)
    until(lambda: (n := window.plots._canvas().numbers) and n.stop < 20.2 * RATE)
    window.grab()


def test_c_puts_two_cursors_and_takes_them_away(show, until):
    window = show()
    press(window, Qt.Key.Key_C)
    until(lambda: window.plots._canvas().numbers is not None)
    left_s, right_s = window.navigator.data_s
    start_s, stop_s = window.plots.cursors_s
    assert left_s < start_s < stop_s < right_s
    press(window, Qt.Key.Key_C)
    assert window.plots.cursors_s is None


def test_both_ends_of_an_axis_have_their_ticks_wherever_they_are_rounded_to(show):
    window = show()
    for plot in window.plots.plots:
        for height in range(150, 160):
            plot.box.setYRange(-5.0, 4.5 + height / 100, padding=0)
            assert plot.tick_px(Tick(-5.0, "")) is not None
            assert plot.tick_px(Tick(-5.2, "")) is None
