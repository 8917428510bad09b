import math
import subprocess
import sys

import msgspec
import pytest
from fake_feed import INFO, T0_NS, FakeFeed, stage

from monitor.model import RecordingState, SignalNumbers, Supply
from ui import quantities as q
from ui.facts import silence, status
from ui.presenter import stage_name, tiles, unheard, window_name
from ui.span_text import rows

SNAPSHOT = FakeFeed(45.0).snapshot()


def changed(**metrics):
    replaced = msgspec.structs.replace(SNAPSHOT.metrics, **metrics)
    return msgspec.structs.replace(SNAPSHOT, metrics=replaced)


def tile(snapshot, title):
    return next(t for t in tiles(snapshot) if t.title.startswith(title))


def texts(snapshot):
    return [item.text for item in status(snapshot, 40.0)]


def test_the_presenter_needs_no_qt():
    code = (
        "import sys, ui.presenter, ui.series, ui.stages, ui.viewport, ui.scaling, ui.theme, ui.keys"
    )
    check = f"{code}; sys.exit(any(m.startswith(('PySide6', 'pyqtgraph')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("value", "unit", "parts"),
    [
        (1240.0, "W", ("1.24", "kW")),
        (412.3, "W", ("412", "W")),
        (999.6, "W", ("1.00", "kW")),
        (-2060.0, "W/s", ("−2.06", "kW/s")),
        (12_300.0, "J", ("12.3", "kJ")),
        (0.0, "W", ("0", "W")),
        (math.nan, "W", ("–", "W")),
    ],
)
def test_a_number_is_shown_apart_from_its_prefixed_unit(value, unit, parts):
    assert q.split(value, unit) == parts


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [(0, 0, "0:00"), (205, 0, "3:25"), (3723, 0, "1:02:03"), (59.96, 1, "1:00.0"),
     (-1.5, 1, "−0:01.5"), (-0.01, 1, "0:00.0")],
)  # fmt: skip
def test_a_position_in_time_reads_like_a_clock(seconds, decimals, text):
    assert q.clock(seconds, decimals) == text


def test_utc_is_rounded_to_its_digits():
    assert q.utc(T0_NS + 1_999_600_000, 3) == "2026-03-01 12:00:02.000 UTC"
    assert q.utc(T0_NS + 1_999_600_000, 0) == "2026-03-01 12:00:02 UTC"


def test_a_window_is_named_as_what_it_is():
    assert window_name(0.02, Supply.MAINS) == "1 cycle"
    assert window_name(0.02, Supply.DC) == "20 ms"
    assert window_name(1.0, Supply.MAINS) == "1 s"
    assert window_name(10.0, Supply.DC) == "10 s"


def test_every_tile_has_a_unit_and_a_title_of_its_own():
    shown = tiles(SNAPSHOT)
    assert len({t.title for t in shown}) == len(shown)
    assert all(t.unit for t in shown)


def test_power_says_over_which_window_it_is_a_mean():
    assert tile(SNAPSHOT, "Power").note == "mean of 1 cycle"
    on_dc = msgspec.structs.replace(SNAPSHOT, supply=Supply.DC)
    assert tile(on_dc, "Power").note == "mean of 20 ms"


def test_a_mean_over_a_gap_says_how_much_was_captured():
    assert tile(SNAPSHOT, "Mean 10 s").note == "97.2 % captured"
    assert tile(SNAPSHOT, "Mean 10 s").warn
    assert tile(SNAPSHOT, "Mean 1 s").note == "fully captured"
    assert not tile(SNAPSHOT, "Mean 1 s").warn


def test_a_ramp_shows_its_window_its_sign_and_its_extremes():
    ramp = SNAPSHOT.metrics.ramps[0]
    rising = changed(ramps=(msgspec.structs.replace(ramp, now_w_per_s=2060.0),))
    shown = tile(rising, "Ramp 100 ms")
    assert (shown.value, shown.unit) == ("+2.06", "kW/s")
    assert shown.note == "▲ +2.61 kW/s   ▼ −2.06 kW/s"
    unknown = changed(
        ramps=(msgspec.structs.replace(ramp, max_up_w_per_s=math.nan, max_down_w_per_s=math.nan),)
    )
    assert tile(unknown, "Ramp").note == ""
    rising = changed(ramps=(msgspec.structs.replace(ramp, max_down_w_per_s=6.85),))
    assert tile(rising, "Ramp").note == "▲ +2.61 kW/s   ▼ –", "what only rose has not fallen"


def test_energy_is_in_joule_and_watt_hours_with_its_coverage():
    shown = tile(changed(energy_j=12_420.0, coverage=0.9321), "Energy since")
    assert (shown.value, shown.unit) == ("12.4", "kJ")
    assert shown.note == "3.45 Wh, 93.2 % captured"


def test_the_innermost_stage_is_billed():
    shown = tile(SNAPSHOT, "Energy of denoise_step")
    assert shown.tip == "run / clip / denoise / denoise_step"
    idle = msgspec.structs.replace(SNAPSHOT, stages=())
    assert tile(idle, "Energy of the stage").value == "–"


def test_a_stage_counts_from_one_if_its_total_is_known():
    assert stage_name(stage("step", 0, 1, index=12, total=50)) == "step 13/50"
    assert stage_name(stage("step", 0, 1, index=12)) == "step"


def test_clipping_is_a_warning():
    assert not tile(SNAPSHOT, "Coverage").warn
    assert tile(changed(n_clipped=7), "Coverage").warn
    assert tile(changed(n_clipped=7), "Coverage").note == "1 gap, 7 clipped"


def test_coverage_is_never_rounded_up_to_100():
    assert tile(changed(coverage=0.99999), "Coverage").value == "99.9"
    assert tile(changed(coverage=1.0), "Coverage").value == "100"


def test_what_is_not_known_is_a_dash():
    nothing = changed(power_w=math.nan, vrms_v=math.nan, line_hz=math.nan)
    assert tile(nothing, "Power").value == "–"
    assert "Hz" not in tile(nothing, "Voltage").note


def test_before_the_first_block_every_tile_is_a_dash():
    empty = msgspec.structs.replace(SNAPSHOT, metrics=None)
    assert [t.value for t in tiles(empty)] == ["–"] * len(tiles(SNAPSHOT))


def test_the_status_tells_source_rate_lag_and_markers():
    shown = texts(SNAPSHOT)
    assert "● running" in shown
    assert "KEYSIGHT TECHNOLOGIES MSOX3054T" in shown
    assert "100 kS/s × 2" in shown
    assert "lag 38 ms" in shown
    assert "214 markers" in shown
    assert shown[-1] == "40 frames/s"


def test_malformed_markers_and_a_late_session_are_warnings():
    bad = msgspec.structs.replace(SNAPSHOT, n_malformed_markers=3, lag_s=2.5)
    warned = {item.text for item in status(bad, 40.0) if item.level == "warn"}
    assert warned == {"3 malformed", "lag 2.5 s"}


def test_a_recording_tells_its_size_and_what_waits():
    state = RecordingState(path="/a/b.h5", n_samples=1, n_bytes=21_400_000, queued_s=1.4)
    recording = msgspec.structs.replace(SNAPSHOT, recording=state)
    assert "● b.h5, 21.4 MB, 1.4 s queued" in texts(recording)
    short = msgspec.structs.replace(state, left_s=1800.0, queued_s=0.0)
    replaced = msgspec.structs.replace(SNAPSHOT, recording=short)
    (item,) = (item for item in status(replaced, 40.0) if "b.h5" in item.text)
    assert "disk full in 30" in item.text
    assert item.level == "warn"
    stalled = msgspec.structs.replace(state, stalled_s=12.0, queued_s=0.0)
    (item,) = (
        item
        for item in status(msgspec.structs.replace(SNAPSHOT, recording=stalled), 40.0)
        if "b.h5" in item.text
    )
    assert "the disk has not answered for 12.0 s" in item.text
    assert item.level == "warn"
    broken = msgspec.structs.replace(state, error="the disk is full")
    failed = msgspec.structs.replace(SNAPSHOT, recording=broken)
    assert "b.h5: the disk is full" in texts(failed)


def test_a_replay_tells_its_speed_instead_of_a_lag():
    replay = msgspec.structs.replace(SNAPSHOT, replay_speed=10.0)
    shown = texts(replay)
    assert "● replaying 10 ×" in shown
    assert not any(text.startswith("lag") for text in shown)
    assert INFO.sample_rate_hz == 100_000


def test_numbers_of_a_silent_instrument_are_old_and_say_so():
    silent = msgspec.structs.replace(SNAPSHOT, state="reconnecting", age_s=8.4)
    assert {(t.note, t.warn, t.dim) for t in tiles(silent)} == {("8 s old", True, True)}
    assert tiles(silent)[0].title == "Power"
    assert "mean of 1 cycle" in tiles(silent)[0].tip
    assert "nothing for 8 s" in texts(silent)
    assert not any(text.startswith("lag") for text in texts(silent))


def test_a_session_that_has_ended_does_not_grow_old():
    ended = msgspec.structs.replace(SNAPSHOT, state="ended", age_s=500.0)
    assert tiles(ended) == tiles(SNAPSHOT)


def test_without_an_answer_everything_is_old_and_nothing_is_said_to_be_recorded():
    state = RecordingState(path="/a/b.h5", n_samples=1, n_bytes=21_400_000, queued_s=0.0)
    recording = msgspec.structs.replace(SNAPSHOT, recording=state)
    last = unheard(recording, 12.0)
    assert {t.note for t in tiles(last)} == {"12 s old"}
    said = [item.text for item in status(last, 0.0, answers=False)]
    assert said[0] == "● no answer"
    assert "b.h5, last seen with 21.4 MB" in said
    words = silence("the engine, process 7, is gone", last)
    assert words.startswith("the engine, process 7, is gone; what it has recorded is in b.h5")
    assert "wattstage repair b.h5" in words
    assert silence("no engine", None) == "no engine"


def test_a_disk_that_lasts_for_days_does_not_count_down():
    state = RecordingState(path="/a/b.h5", n_samples=1, n_bytes=1000, queued_s=0.0, left_s=3e5)
    (item,) = (
        item
        for item in status(msgspec.structs.replace(SNAPSHOT, recording=state), 40.0)
        if "b.h5" in item.text
    )
    assert (item.text, item.level) == ("● b.h5, 1.00 kB", "rec")
    assert item.tip == "/a/b.h5\ndisk full in 3 days"


def test_between_the_cursors_everything_has_its_unit():
    numbers = FakeFeed(45.0).measured(2_000_000, 2_123_400)
    said = dict(rows(numbers, INFO.sample_rate_hz))
    assert said["Δt"] == "1.234 s"
    assert said["captured"] == "100 %"
    assert said["mains, rms"] == "229.8 V"
    assert said["mains"] == "−325 V … 325 V"
    assert list(said)[:5] == ["Δt", "energy", "mean", "captured", "p(t)"]
    dark = SignalNumbers(
        name="p(t)", unit="W", mean=math.nan, rms=math.nan, low=math.inf, high=-math.inf
    )
    nothing = msgspec.structs.replace(numbers, signals=(dark,))
    assert dict(rows(nothing, INFO.sample_rate_hz))["p(t)"] == "–"
