"""Slow channels in the window: their lines, their readouts, their columns."""

import math

import msgspec
import numpy as np
import pytest
from fake_feed import GPU, HEAT, T0_NS, WALL, FakeFeed
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from monitor.dsp.held import Held
from monitor.model import NS, SlowValue
from ui.presenter import Tile
from ui.series import plots
from ui.slow import lines, reading_at, slow_tiles
from ui.stage_rows import columns, first_rows
from ui.steps import dashes
from ui.theme import DARK, LIGHT, dashes_of, pick

FEED = FakeFeed(45.0, meters=True)


def said(channel, value=100.0, age_s=0.2) -> Tile:
    return slow_tiles([SlowValue(channel=channel, value=value, age_s=age_s)])[0]


def test_powers_have_a_line_and_other_units_do_not():
    assert [(line.name, line.color) for line in lines([HEAT, WALL, GPU])] == [
        ("wall power", 0), ("GPU 0 power", 1),
    ]  # fmt: skip
    power, *others = plots(FEED.snapshot().info, FEED.snapshot())
    assert [line.channel for line in power.slow] == [WALL, GPU]
    assert not any(plot.slow for plot in others)


def test_a_limit_in_watts_is_no_power():
    limit = msgspec.structs.replace(GPU, name="GPU 0 enforced power limit", is_setting=True)
    assert lines([limit]) == ()
    assert said(limit).line is None


def test_more_channels_than_there_is_room_for_are_counted_and_powers_stay():
    several = [
        msgspec.structs.replace(channel, name=f"{channel.name} {k}")
        for k in range(14)
        for channel in (HEAT, GPU)
    ]
    tiles = slow_tiles([SlowValue(channel=each, value=1.0, age_s=0.1) for each in several])
    assert len(tiles) == 16
    assert sum(tile.line is not None for tile in tiles) == 14
    assert (tiles[-1].title, tiles[-1].value) == ("further channels", "+13")
    few = slow_tiles([SlowValue(channel=each, value=1.0, age_s=0.1) for each in several[:16]])
    assert [tile.title for tile in few] == [channel.name for channel in several[:16]]


def test_a_readout_says_value_unit_age_and_window():
    wall = said(WALL, 1240.0)
    assert (wall.title, wall.value, wall.unit) == ("wall power", "1.24", "kW")
    assert (wall.note, wall.warn, wall.line) == ("now, mean of 1 s", False, 0)
    assert "Yokogawa WT310" in wall.tip
    heat = said(HEAT, 57.5)
    assert (heat.value, heat.unit, heat.note) == ("57.5", "°C", "now, every 1 s")
    assert heat.line is None
    assert said(GPU).note == "now, every 100 ms"
    assert "mean of 1 s, by the driver" in said(GPU).tip


def test_a_reading_that_is_overdue_is_a_warning_with_its_age():
    late = said(WALL, age_s=12.7)
    assert (late.note, late.warn) == ("12 s ago, mean of 1 s", True)
    assert not said(WALL, age_s=3.5).warn


def test_before_the_first_reading_the_readout_is_a_dash():
    tile = said(HEAT, math.nan, math.nan)
    assert (tile.value, tile.unit) == ("–", "°C")
    assert tile.note == "no reading yet, every 1 s"
    assert not tile.warn


def test_colours_of_lines_are_told_apart_and_are_not_those_of_the_power():
    for theme in (DARK, LIGHT):
        assert len({*theme.slow, *theme.power}) == len(theme.slow) + len(theme.power)
    looks = {(pick(DARK.slow, k), dashes_of(k)) for k in range(12)}
    assert len(looks) == 12, "where colours repeat, the dashes differ"


def test_the_value_under_the_pointer_is_the_one_that_holds_there():
    held = Held(WALL)
    for at_s, value in ((1, 100.0), (2, 200.0), (9, 300.0)):
        held.add(T0_NS + at_s * NS, value)
    view = held.view(T0_NS, T0_NS + 20 * NS, 100)
    said = [reading_at(view, T0_NS + round(at_s * NS)) for at_s in (0.5, 1.0, 1.5, 5, 8.5, 9.5)]
    assert said == ["100 W", "100 W", "200 W", "–", "300 W", "–"]
    short = held.view(T0_NS, T0_NS + 20 * NS, 1)
    assert reading_at(short, T0_NS + NS) == "100 W … 300 W"


@st.composite
def steps(draw):
    """Steps in the order of time, some empty, some with gaps between them, as starts and stops."""
    cuts = draw(st.lists(st.integers(-50, 400), max_size=12).map(sorted))
    return [float(cut) for cut in cuts[::2]][: len(cuts) // 2], [float(cut) for cut in cuts[1::2]]


@given(steps(), st.sampled_from([(5.0, 3.0), (0.625, 0.375), (20.0, 6.0)]))
def test_the_dashes_of_a_line_go_on_from_step_to_step(steps, pattern):
    starts, stops = map(np.array, steps)
    which, begins, ends = dashes(starts, stops, *pattern)
    assert (begins < ends).all()
    assert (begins >= starts[which]).all()
    assert (ends <= stops[which]).all()
    at = np.arange(-60, 410, 0.25) + 0.01  # no edge
    held = np.zeros(at.size, bool)
    for start, stop in zip(starts, stops, strict=True):
        held |= (start < at) & (at < stop)
    drawn = np.zeros(at.size, int)
    for start, stop in zip(begins, ends, strict=True):
        drawn += (start < at) & (at < stop)
    assert (drawn == (held & (at % sum(pattern) < pattern[0]))).all()


def test_the_window_has_lines_and_readouts_of_slow_channels(show):
    window = show(FakeFeed(meters=True))
    assert [tile.title.text() for tile in window.readouts.slow_tiles] == [
        "wall power", "GPU 0 power", "GPU 0 core",
    ]  # fmt: skip
    assert window.readouts.slow_tiles[2].unit.text() == "°C"
    left = [tile.x() for tile in window.readouts.tiles[:3]]
    assert [tile.x() for tile in window.readouts.slow_tiles] == left, "in the columns above"
    assert colors_of(window) >= {DARK.slow[0], DARK.slow[1]}


def test_p_hides_the_lines_and_shows_them_again(show, until):
    window = show(FakeFeed(meters=True))
    QTest.keyClick(window, Qt.Key.Key_P)
    until(lambda: not colors_of(window) & {DARK.slow[0], DARK.slow[1]})
    assert len(window.readouts.slow_tiles) == 3
    QTest.keyClick(window, Qt.Key.Key_P)
    until(lambda: colors_of(window) >= {DARK.slow[0], DARK.slow[1]})


def test_a_name_that_is_cut_still_says_which_power_of_which_gpu_it_is(show, until):
    feed = FakeFeed(meters=True)
    average = msgspec.structs.replace(GPU, name="GPU 0 power, NVML 1 s average")
    feed.slow = {average: feed.slow[GPU]}
    (tile,) = show(feed, size=(1500, 800)).readouts.slow_tiles
    tile.setFixedWidth(150)
    until(lambda: tile.title.text() != average.name)
    title = tile.title.text()
    assert title.startswith("GPU 0")
    assert title.endswith("average")


def test_a_session_without_slow_channels_has_no_room_for_them(show):
    window = show()
    assert window.readouts.slow_tiles == []
    assert window.plots.plots[0].spec.slow == ()


def test_a_channel_that_becomes_known_later_gets_its_line_and_its_readout(show, until):
    feed = FakeFeed(meters=True)
    later, feed.slow = feed.slow, {}
    feed.step_samples = 1000
    window = show(feed)
    assert window.readouts.slow_tiles == []
    feed.slow = later
    until(lambda: len(window.readouts.slow_tiles) == 3)
    until(lambda: DARK.slow[0] in colors_of(window))


def test_a_line_stands_at_its_value_and_is_in_range(show, until):
    feed = FakeFeed(meters=True)
    feed.slow[WALL] = Held(WALL)
    for at_s in range(20, 60):
        feed.slow[WALL].add(T0_NS + at_s * NS, 5000.0)
    window = show(feed)

    def near_its_place():
        image = window.plots.viewport().grab().toImage()
        plot = window.plots.plots[0]
        x, y = round(window.plots._canvas().scale.px(40.0)), round(plot.y_px(5000.0))
        assert plot.rect.top() < y < plot.rect.bottom()
        return {image.pixelColor(x + dx, y + dy).name() for dx in range(9) for dy in (-1, 0, 1)}

    until(lambda: DARK.slow[0] in near_its_place())


def test_the_pointer_reads_slow_channels(show, until):
    window = show(FakeFeed(meters=True))
    plain = window.plots.n_painted
    canvas = window.plots._canvas()
    point = QPoint(round(canvas.scale.px(45.0)), round(canvas.plots[0].rect.center().y()))
    QTest.mouseMove(window.plots.viewport(), point)
    until(lambda: window.plots.n_painted > plain)
    assert {view.channel for view in window.plots._canvas().slow} == {WALL, GPU, HEAT}


def test_the_stage_table_has_columns_of_each_slow_power_channel(show, until):
    window = show(FakeFeed(meters=True))
    QTest.keyClick(window, Qt.Key.Key_S)
    model = window.table.stages
    until(lambda: model.columnCount() == 12)
    titles = [model.headerData(k, Qt.Orientation.Horizontal) for k in range(12)]
    assert titles[8:] == ["wall power", "Coverage", "GPU 0 power", "Coverage"]
    assert window.table.columnWidth(8) == 96
    model.sort(8, Qt.SortOrder.DescendingOrder)
    joules = [row.keys[8] for row in model._stages]
    assert joules == sorted(joules, reverse=True)
    total = [model.data(model.index(0, k)) for k in range(8, 12)]
    assert total[0].endswith("kJ")
    assert total[1].endswith("%")


def test_a_table_that_loses_its_slow_columns_is_sorted_by_start_again(app):
    from ui.stage_table import StageTableView

    table = FEED.table()
    view = StageTableView()
    view.show_table(table, T0_NS)
    view.stages.sort(9)
    view.show_table(msgspec.structs.replace(table, slow=()), T0_NS)
    assert view.stages.columnCount() == 8
    starts = [row.keys[2] for row in view.stages._stages]
    assert starts == sorted(starts)
    view.deleteLater()


def test_the_first_rows_are_as_long_as_the_columns():
    table = FEED.table()
    for row in first_rows(table):
        assert len(row.texts) == len(columns(table)) == 12


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_a_readout_shows_a_piece_of_its_line(show, until, theme):
    window = show(FakeFeed(meters=True), theme=theme)

    def colors():
        image = window.readouts.slow_tiles[0].grab().toImage()
        return {image.pixelColor(x, y).name() for x in range(40) for y in range(30)}

    until(lambda: theme.slow[0] in colors())


def colors_of(window) -> set[str]:
    """Return the colours of the pixels of the power plot, below its header."""
    plot = window.plots.plots[0].rect
    image = window.plots.viewport().grab().toImage()
    return {
        image.pixelColor(x, y).name()
        for x in range(round(plot.left()), round(plot.right()), 2)
        for y in range(round(plot.top()) + 24, round(plot.bottom()))
    }
