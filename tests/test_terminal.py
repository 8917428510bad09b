"""What the terminal says of slow channels, beside what the scope says."""

import io
import math

import msgspec
import pytest
from fake_feed import FakeFeed
from fake_meters import WALL, WATER, reading
from fakes import INFO, dc_block, stage_edge
from rich.console import Console

from monitor import slow_text
from monitor.analysis.stage_table import stage_table
from monitor.model import Calibration, Edge, Probe, SlowChannel, SlowValue
from monitor.recording.info import info
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.terminal import live as terminal
from monitor.terminal.stages import StageText

SNAPSHOT = FakeFeed(45.0).snapshot()
NOW = (
    SlowValue(channel=WALL, value=612.4, age_s=0.3),
    SlowValue(channel=WATER, value=21.46, age_s=7.9),
)


def text_of(shown, width=120):
    console = Console(width=width, file=io.StringIO())
    console.print(shown)
    return console.file.getvalue()


def row(text, first):
    (line,) = (line for line in text.splitlines() if line.strip().startswith(first))
    return line.split()


@pytest.fixture
def recording(tmp_path):
    items = [
        stage_edge("load", Edge.BEGIN, 0.0, "a", seq=1),
        stage_edge("load", Edge.END, 1.0, "a", seq=2),
        *(stage_edge("step", edge, 1 + (k + later) / 10, f"{k}", seq=3 + 2 * k + later)
          for k in range(9) for later, edge in enumerate((Edge.BEGIN, Edge.END))),
        *(dc_block(1000 * k, 120.0) for k in range(20)),
        *(reading(150.0, (k + 1) / 10) for k in range(15)),
        reading(21.5, 0.5, WATER),
    ]  # fmt: skip
    with Recorder(tmp_path / "r.h5", INFO) as recorder:
        for item in items:
            recorder.put(item)
    with Recording(tmp_path / "r.h5") as opened:
        yield opened


def test_the_stage_table_has_the_uncertainty_that_the_calibration_makes(recording):
    probe = Probe(calibration=Calibration(gain_uncertainty=0.01))
    volts, amps = INFO.channels
    recording.info = msgspec.structs.replace(
        INFO, channels=(volts, msgspec.structs.replace(amps, probe=probe))
    )
    text = text_of(StageText(stage_table(recording, "r")))
    assert "120 J ± 1.2 J" in text
    assert "108 J ± 1.1 J" in text  # of nine steps, whose errors are one error
    assert "240 J ± 2.4 J" in text
    assert "±: standard uncertainty" in text


def test_the_widest_bound_of_an_edge_is_told_below_the_table(recording):
    table = stage_table(recording, "r")
    assert "edges of stages" not in text_of(StageText(table))
    first = table.stages[0]
    stage = msgspec.structs.replace(first.stage, uncertainty_ns=3_960_000)
    unsure = (msgspec.structs.replace(first, stage=stage), *table.stages[1:])
    text = text_of(StageText(msgspec.structs.replace(table, stages=unsure)))
    assert "edges of stages: within ±4.0 ms" in " ".join(text.split())


def test_a_stage_that_was_not_recorded_whole_is_told_as_cut(recording):
    table = stage_table(recording, "r")
    assert "cut" not in text_of(StageText(table))
    part = msgspec.structs.replace(table.stages[0], outside_s=0.25)
    text = text_of(StageText(msgspec.structs.replace(table, stages=(part, *table.stages[1:]))))
    assert f"{part.stage.name} (cut)" in text
    assert "or part of the stage was not recorded" in " ".join(text.split())


def test_the_stage_table_has_the_energy_of_each_power_channel_with_its_coverage(recording):
    text = text_of(StageText(stage_table(recording, "r")))
    assert "wall power" in text
    assert "water" not in text
    assert row(text, "load")[-4:] == ["150", "J", "100", "%"]
    steps = row(text, "step × 9")
    assert steps[-4:] == ["135", "J", "55.5", "%"], "5 of 9 steps have readings, all have a mean"
    assert row(text, "total")[-4:] == ["300", "J", "75.0", "%"]


def test_slow_channels_for_which_there_is_no_room_follow_in_tables_of_their_own(recording):
    text = text_of(StageText(stage_table(recording, "r")), width=80)
    assert "…" not in text
    assert text.count("Stages of r") == 2
    beside = text[text.rindex("Stages of r") :]
    assert row(beside, "load") == ["load", "1", "1.0", "s", "150", "J", "100", "%"]
    assert row(beside, "total") == ["total", "2.0", "s", "300", "J", "75.0", "%"]


def test_a_table_without_slow_channels_has_no_columns_for_them(recording):
    table = msgspec.structs.replace(stage_table(recording, "r"), slow=())
    assert text_of(StageText(table)).count("coverage") == 1


def test_the_facts_name_each_slow_channel(recording):
    text = text_of(terminal.facts("r.h5", info(recording)))
    assert "wall power (W) by WT310: 15 readings, one in 100 ms, each a mean of 100 ms" in text
    assert "water (°C) by WT310: 1 reading, one in 1 s" in text


def test_the_live_view_shows_value_window_and_age():
    text = text_of(terminal.live(msgspec.structs.replace(SNAPSHOT, slow=NOW)))
    assert " ".join(row(text, "│ wall power")[1:-1]) == "wall power 612 W now, mean of 100 ms"
    assert " ".join(row(text, "│ water")[1:-1]) == "water, WT310 21.5 °C 7 s ago, every 1 s"


def test_the_log_line_names_each_slow_channel():
    line = terminal.line(msgspec.structs.replace(SNAPSHOT, slow=NOW))
    assert "  wall power 612 W  water, WT310 21.5 °C  " in line


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1240.0, "W", "1.24 kW"), (0.5, "°C", "0.500 °C"), (2105.0, "MHz", "2105 MHz"),
     (-3.25, "°C", "−3.25 °C"), (0.0, "%", "0 %"), (99.96, "%", "100.0 %"),
     (0.98, "", "0.980"), (math.nan, "°C", "–"), (1e-9, "%", "0.000 %")],
)  # fmt: skip
def test_only_units_that_take_a_prefix_get_one(value, unit, text):
    assert slow_text.quantity(value, unit) == text


def test_channels_of_one_name_are_told_apart_by_their_source():
    other = msgspec.structs.replace(WALL, source="plug")
    assert slow_text.names([WALL, WATER]) == ("wall power", "water, WT310"), "whose is one word?"
    assert slow_text.names([WALL, other]) == ("wall power, WT310", "wall power, plug")


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (0.2, "now"),
        (-0.1, "now"),
        (1.99, "1 s ago"),
        (125.0, "2:05 ago"),
        (math.nan, "no reading yet"),
    ],
)
def test_an_age_is_in_whole_seconds(age_s, text):
    assert slow_text.since(SlowValue(channel=WATER, value=1.0, age_s=age_s)) == text


def test_a_reading_is_overdue_after_three_intervals():
    assert not slow_text.is_overdue(SlowValue(channel=WATER, value=1.0, age_s=2.9))
    assert slow_text.is_overdue(SlowValue(channel=WATER, value=1.0, age_s=3.1))
    assert not slow_text.is_overdue(SlowValue(channel=WATER, value=math.nan, age_s=math.nan))


def gpus(n: int) -> tuple[SlowValue, ...]:
    """What a host with so many cards tells."""
    kinds = [("SM clock", "MHz"), ("power, NVML instant", "W"), ("power, NVML 1 s average", "W"),
             ("temperature", "°C")]  # fmt: skip
    return tuple(
        SlowValue(
            channel=SlowChannel(name=f"GPU {k} {name}", source="x", unit=unit, interval_s=1.0),
            value=100.0 * k + 7,
            age_s=0.1,
        )
        for k in range(n)
        for name, unit in kinds
    )


def test_of_many_channels_powers_are_told_and_how_many_more_there_are():
    snapshot = msgspec.structs.replace(SNAPSHOT, slow=gpus(4))
    text = text_of(terminal.live(snapshot))
    assert text.count("power, NVML") == 8
    assert text.count("GPU 0") == 4, "the rest of the room is for the first"
    assert "and 6 more" in text
    line = terminal.line(snapshot)
    assert line.count("GPU") == 3
    assert "  GPU 0 power, NVML instant 7.00 W  " in line
