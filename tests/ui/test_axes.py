import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ui.coverage import colors
from ui.legend import places
from ui.scaling import CalmRange, TimeScale, round_step, time_ticks, value_ticks
from ui.theme import THEMES, mix, stage_color
from ui.traces import joined, upright_columns

finite = st.floats(-1e6, 1e6, allow_nan=False)
spans = st.tuples(finite, finite).filter(lambda s: s[1] - s[0] > 1e-3)


@given(spans, st.integers(2, 20))
def test_ticks_are_few_round_and_inside(span, n):
    low, high = span
    ticks = value_ticks(low, high, n, "W")
    assert 2 <= len(ticks) <= max(n + 1, 5)
    step = round_step(high - low, n)
    if sum(low <= k * step <= high for k in range(int(low // step), int(high // step) + 2)) < 2:
        step = ticks[1].value - ticks[0].value
    for tick in ticks:
        assert low - step * 1e-6 <= tick.value <= high + step * 1e-6
        assert math.isclose(tick.value / step, round(tick.value / step), abs_tol=1e-6)


@given(spans, st.integers(2, 20))
def test_all_labels_of_an_axis_share_one_unit_and_differ(span, n):
    ticks = value_ticks(*span, n, "W")
    assert len({tick.label.split()[1] for tick in ticks}) <= 1
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_an_axis_of_kilowatts_reads_as_such():
    assert [t.label for t in value_ticks(0, 1500, 4, "W")] == [
        "0.0 kW",
        "0.5 kW",
        "1.0 kW",
        "1.5 kW",
    ]
    assert [t.label for t in value_ticks(-400, 400, 4, "V")] == [
        "−400 V", "−200 V", "0 V", "200 V", "400 V",
    ]  # fmt: skip


def test_a_range_with_one_round_number_in_it_has_a_scale_all_the_same():
    assert [t.label for t in value_ticks(-4900, 4900, 4, "W/s")] == [
        "−4 kW/s", "−2 kW/s", "0 kW/s", "2 kW/s", "4 kW/s",
    ]  # fmt: skip


def test_a_time_axis_reads_like_a_clock():
    assert [t.label for t in time_ticks(0, 120, 5)] == ["0:00", "0:30", "1:00", "1:30", "2:00"]
    assert [t.label for t in time_ticks(1.0, 1.04, 5)] == [
        "0:01.00", "0:01.01", "0:01.02", "0:01.03", "0:01.04",
    ]  # fmt: skip


@given(st.floats(0, 1e5), st.floats(0.01, 1e4), st.integers(0, 12))
def test_an_axis_has_two_labels_of_time_however_narrow_it_is(low, span, n):
    assert len(time_ticks(low, low + span, n)) >= 2


def test_an_axis_of_no_length_has_no_ticks():
    assert value_ticks(1.0, 1.0, 5, "W") == ()
    assert time_ticks(1.0, 1.0, 5) == ()


@given(st.lists(st.tuples(finite, st.floats(0, 1e6)), min_size=1, max_size=30), st.booleans())
def test_a_range_always_holds_the_data(pieces, with_zero):
    calm = CalmRange(with_zero=with_zero)
    for low, height in pieces:
        shown = calm.fit(low, low + height)
        room = 1e-9 * max(abs(low), abs(low + height), 1)
        assert shown[0] - room <= low
        assert low + height <= shown[1] + room


def test_a_range_does_not_move_with_noise():
    calm, rng = CalmRange(with_zero=True), np.random.default_rng(1)
    first = calm.fit(0, 620)
    assert {calm.fit(0, 620 + noise) for noise in rng.normal(0, 4, 500)} == {first}


def test_a_range_grows_at_once_and_shrinks_after_a_while():
    calm = CalmRange(with_zero=True)
    calm.fit(0, 100)
    assert calm.fit(0, 1000)[1] >= 1000
    assert calm.fit(0, 100)[1] >= 1000
    for _ in range(100):
        shown = calm.fit(0, 100)
    assert shown[1] < 200


def test_a_range_without_data_stays():
    calm = CalmRange(with_zero=False)
    shown = calm.fit(11.8, 12.2)
    assert calm.fit(math.nan, math.nan) == shown


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.floats(0, 1))
def test_a_pixel_and_its_time_are_inverse(start, span, share):
    scale = TimeScale(78, 1500, start, start + span)
    time_s = start + share * span
    assert math.isclose(scale.time_s(scale.px(time_s)), time_s, abs_tol=1e-6)


@given(st.lists(st.one_of(st.just(math.nan), st.floats(-1e3, 1e3, width=32)), max_size=40))
def test_joined_columns_reach_their_neighbour_and_invent_nothing(values):
    low = np.array(values, np.float32)
    high = low + 1
    down, up = joined(low, high)
    assert np.array_equal(np.isnan(down), np.isnan(low))
    for k in range(1, len(low)):
        if np.isnan(low[k - 1]) or np.isnan(low[k]):
            continue
        assert down[k] <= high[k - 1]
        assert up[k] >= low[k - 1]
        assert {float(down[k]), float(up[k])} <= {
            float(v) for v in (low[k], high[k], low[k - 1], high[k - 1])
        }


def test_a_stage_keeps_its_colour_and_a_part_has_its_parents():
    assert stage_color("größe") == stage_color("größe")
    assert stage_color("model_load.t5") == stage_color("model_load")


def contrast(one, other):
    def luminance(color):
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    a, b = sorted((luminance(one), luminance(other)))
    return (b + 0.05) / (a + 0.05)


def test_text_is_legible_everywhere_in_both_themes():
    names = (
        "run",
        "denoise",
        "denoise_step",
        "vae_decode",
        "save",
        "text_encode",
        "clip",
        "x",
        "y",
    )
    for theme in THEMES.values():
        assert contrast(theme.text, theme.panel) > 7
        for ground in (theme.panel, theme.plot, theme.window):
            assert contrast(theme.muted, ground) > 4.5
        for name in names:
            band = mix(stage_color(name), theme.plot, theme.stage_fill)
            assert contrast(theme.text, band) > 4.5, (theme.name, name)


def test_a_column_that_is_high_or_lonely_is_drawn_upright():
    nan = np.nan
    low = np.array([nan, 1, nan, 1, 1, nan], np.float32)
    high = np.array([nan, 1, nan, 1, 3, nan], np.float32)
    which, lonely = upright_columns(low, high)
    assert (which.tolist(), lonely.tolist()) == ([1, 4], [True, False])


@given(st.lists(st.floats(20, 300), max_size=20), st.floats(100, 1200))
def test_a_legend_has_all_of_its_entries_in_rows(widths, room):
    found = places(widths, room, 60.0)
    assert len(found) == len(widths)
    for place, width in zip(found, widths, strict=True):
        assert place.x + width <= room or place.x == 0
    pairs = list(itertools.pairwise(zip(found, widths, strict=True)))
    for (one, width), (other, _) in pairs:
        assert (other.row, other.x) == (one.row + 1, 0) or (
            other.row == one.row and other.x >= one.x + width
        )


def test_the_more_is_missing_the_stronger_is_the_strip():
    alpha = colors(np.array([1.0, 0.98, 0.75, 0.0], np.float32), THEMES["dark"])[:, 3].tolist()
    assert alpha[0] == 0
    assert 0 < alpha[1] < alpha[2] < alpha[3] == 255
