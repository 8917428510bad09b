import msgspec
import pytest
from fake_feed import INFO, T0_NS, FakeFeed, note, stage
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from monitor.model import NS, Timeline
from ui.presenter import stage_name
from ui.soft_edge import fill_soft
from ui.stage_rows import first_rows, stage_row
from ui.stage_table import StageModel
from ui.stages import Bands, bands, describe, labels, mark_text

RUN = stage("run", 1.0, None, leaf=False)
STEP = stage("denoise_step", 2.0, 3.0, parent=RUN, index=11, total=25)
TIMELINE = Timeline(stages=(RUN, STEP), marks=(note(2.5, "door"),))


def test_a_running_stage_reaches_the_newest_sample():
    shown = bands(TIMELINE, INFO, 50_000, 500_000)
    assert shown.start_s.tolist() == [0.5, 1.5]
    assert shown.stop_s.tolist() == [4.5, 2.5]
    assert shown.mark_s.tolist() == [2.0]
    assert shown.n_rows == 2


def test_a_stage_that_has_just_begun_does_not_end_before_it_began():
    late = Timeline(stages=(stage("x", 9.0, None),), marks=())
    shown = bands(late, INFO, 0, 100_000)
    assert shown.stop_s[0] >= shown.start_s[0]


def test_the_stage_under_the_pointer_is_found_by_row():
    shown = bands(TIMELINE, INFO, 0, 500_000)
    assert shown.at(2.5, 0) is RUN
    assert shown.at(2.5, 1) is STEP
    assert shown.at(3.5, 1) is None
    assert shown.at(3.0005, 1, slack_s=0.001) is STEP


def test_nothing_has_no_rows():
    assert Bands().n_rows == 0
    assert Bands().at(1.0, 0) is None


def test_a_band_says_what_fits():
    assert labels(STEP) == ("denoise_step 12/25", "12/25", "12")
    assert labels(RUN) == ("run",)


def test_a_stage_is_described_with_its_path_count_and_length():
    assert describe(STEP, T0_NS) == "run / denoise_step\n12 of 25, 1.0 s"
    assert describe(RUN, T0_NS + 4 * NS) == "run\n3.0 s, running"
    cut = msgspec.structs.replace(STEP, truncated=True)
    assert describe(cut, T0_NS).endswith("an edge is missing")
    failed = msgspec.structs.replace(STEP, attrs={"status": "error"})
    assert describe(failed, T0_NS).endswith("it ended with an error")


def test_how_well_its_edges_are_known_is_said_and_shown():
    unsure = msgspec.structs.replace(STEP, uncertainty_ns=420_000)
    assert describe(unsure, T0_NS).endswith("12 of 25, 1.0 s, edges ±420 µs")
    assert bands(Timeline(stages=(RUN, unsure), marks=()), INFO, 0, 1).edge_s.tolist() == [0, 42e-5]


@pytest.mark.parametrize(("edge_px", "full"), [(10.0, 1.0), (50.0, 1.0), (100.0, 0.5)])
def test_an_edge_is_as_wide_as_its_place_is_uncertain(edge_px, full):
    picture = QImage(400, 4, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0)
    painter = QPainter(picture)
    fill_soft(painter, QRectF(150, 0, 100, 4), QColor(255, 255, 255), edge_px, 0.0)
    painter.end()
    alpha = [picture.pixelColor(x, 1).alphaF() for x in range(400)]
    assert alpha[199] == pytest.approx(full, abs=0.02)
    assert alpha[150] == pytest.approx(0.5, abs=0.06)
    assert max(alpha[: int(149 - edge_px)], default=0) == 0
    assert sum(alpha) == pytest.approx(100, abs=1.5)


def test_a_stage_under_the_pointer_says_what_it_used():
    used = next(used for used in FakeFeed(60.0).table().stages if used.stage.name == "model_load")
    said = describe(used.stage, T0_NS, used)
    assert said.endswith("1.14 kJ, mean 176 W, peak 353 W, 100 % captured")
    unseen = msgspec.structs.replace(used, coverage=0.0)
    assert "≈ 1.14 kJ, mean ≈ 176 W" in describe(used.stage, T0_NS, unseen)


def test_a_mark_says_its_text_or_else_its_name():
    assert mark_text(note(0, "door")) == "door"
    assert mark_text(msgspec.structs.replace(note(0, ""), stage="error")) == "error"


def test_the_total_and_the_rest_stay_on_top_however_it_is_sorted():
    table, model = FakeFeed(60.0).table(), StageModel()
    model.show_table(table, T0_NS)
    for column in range(model.columnCount()):
        model.sort(column)
        assert model.data(model.index(0, 0)) == "total"
        assert model.data(model.index(1, 0)) == "unattributed"
        assert model.rowCount() == len(table.stages) + 2


def test_sorting_by_energy_sorts_by_energy():
    table, model = FakeFeed(60.0).table(), StageModel()
    model.show_table(table, T0_NS)
    model.sort(4)
    energy = {used.stage.span_id: used.energy_j for used in table.stages}
    shown = [energy[model.stage(row).span_id] for row in range(2, model.rowCount())]
    assert shown == sorted(shown)


def test_rows_read_as_the_table_says():
    table = FakeFeed(60.0).table()
    total, rest = first_rows(table)
    assert total.texts[0] == "total"
    assert rest.texts[0] == "unattributed"
    load = next(used for used in table.stages if used.stage.name == "model_load")
    assert stage_row(load, T0_NS).texts[:4] == ("    model_load", "1", "0:02.00", "6.5 s")


def test_the_table_and_the_lane_count_the_same_step_alike():
    used = next(used for used in FakeFeed(60.0).table().stages if used.stage.index == 11)
    assert stage_row(used, T0_NS).texts[1] == "12"
    assert stage_name(used.stage) == "denoise_step 12/25"


def test_the_peak_says_over_what_it_is_a_mean():
    table, model = FakeFeed(60.0).table(), StageModel()
    model.show_table(table, T0_NS)
    across, tip = Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole
    assert model.headerData(6, across) == "Peak, 1 cycle"
    assert model.headerData(6, across, tip).endswith("a whole line cycle: 20 ms")
    model.show_table(msgspec.structs.replace(table, peak_window_s=1e-5), T0_NS)
    assert model.headerData(6, across) == "Peak, 1 sample"


def test_what_was_not_captured_is_shown_as_an_estimate():
    table, model = FakeFeed(60.0).table(), StageModel()
    first, *others = table.stages
    unseen = msgspec.structs.replace(first, energy_j=20.9, mean_w=836.0, coverage=0.0)
    assert stage_row(unseen, T0_NS).texts[4:6] == ("≈ 20.9 J", "≈ 836 W")
    model.show_table(msgspec.structs.replace(table, stages=(unseen, *others)), T0_NS)
    row = model.row_of(first.stage.span_id)
    color, tip = Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.ToolTipRole
    assert model.data(model.index(row, 4), color) is not None
    assert model.data(model.index(row + 1, 4), color) is None
    assert "nothing of it was captured" in model.data(model.index(row, 4), tip)
