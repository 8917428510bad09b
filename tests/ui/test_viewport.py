import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.viewport import MIN_SPAN, Mode, Viewport

BOUNDS = (1000, 101_000)
views = st.builds(
    Viewport,
    st.sampled_from([Mode.FOLLOW, Mode.ALL]),
    st.floats(MIN_SPAN, 1e6),
)
factors = st.floats(0.01, 100)


def fixed(start, stop):
    return Viewport(Mode.FIXED, 1000.0, start, stop)


def test_a_young_session_grows_from_the_left_edge():
    assert Viewport(Mode.FOLLOW, 1e6).extent(BOUNDS) == (1000, 1_001_000)


def test_following_shows_the_newest_samples():
    assert Viewport(Mode.FOLLOW, 1e4).extent(BOUNDS) == (91_000, 101_000)
    request = Viewport(Mode.FOLLOW, 1e4).request(BOUNDS, 500)
    assert (request.start, request.stop) == (None, None)
    assert request.span == 10_000


def test_nothing_outside_the_session_is_asked_for():
    request = fixed(-5000, 11_000).request(BOUNDS, 1600)
    assert (request.start, request.stop) == (1000, 11_000)
    assert request.n_columns == 1001


def test_a_view_beside_the_session_asks_for_something_all_the_same():
    request = fixed(200_000, 201_000).request(BOUNDS, 100)
    assert BOUNDS[0] <= request.start < request.stop <= BOUNDS[1] + 1


@given(views, st.integers(16, 4000))
def test_there_is_a_column_for_every_pixel_of_the_data(view, width):
    _, right = view.extent(BOUNDS)
    request = view.request(BOUNDS, width)
    assert 1 <= request.n_columns <= width + 2
    if right <= BOUNDS[1]:
        assert request.n_columns >= width


@given(factors, st.floats(1000, 101_000))
def test_a_zoom_leaves_what_is_under_the_pointer_in_place(factor, about):
    view = fixed(20_000, 60_000)
    zoomed = view.zoomed(factor, BOUNDS, about)
    left, right = zoomed.extent(BOUNDS)
    if right - left == pytest.approx(40_000 * factor) and left > 0 and right < 110_000:
        before = (about - 20_000) / 40_000
        assert (about - left) / (right - left) == pytest.approx(before, abs=1e-6)


@given(views, factors)
def test_no_zoom_shows_less_than_a_few_samples(view, factor):
    left, right = view.zoomed(factor, BOUNDS).extent(BOUNDS)
    assert right - left >= MIN_SPAN * 0.999


def test_zooming_while_following_keeps_following():
    view = Viewport(Mode.FOLLOW, 1e4).zoomed(0.5, BOUNDS, about=93_000)
    assert view.mode is Mode.FOLLOW
    assert view.extent(BOUNDS) == (96_000, 101_000)


@given(st.floats(-2, 2))
def test_panning_there_and_back_changes_nothing(share):
    view = fixed(40_000, 50_000)
    back = view.panned(share, BOUNDS).panned(-share, BOUNDS)
    assert back.extent(BOUNDS) == pytest.approx((40_000, 50_000))


def test_panning_stays_within_reach_of_the_session():
    view = fixed(40_000, 50_000)
    for _ in range(100):
        view = view.panned(1.0, BOUNDS)
    left, right = view.extent(BOUNDS)
    assert left < BOUNDS[1] < right


def test_holding_and_following_again_shows_as_much():
    view = Viewport(Mode.FOLLOW, 1e4).fixed(BOUNDS)
    later = (1000, 151_000)
    assert view.extent(later) == (91_000, 101_000)
    assert view.followed(later).extent(later) == (141_000, 151_000)


def test_everything_is_shown_as_it_grows():
    view = Viewport(Mode.FOLLOW, 1e4).fitted()
    assert view.extent(BOUNDS) == BOUNDS
    assert view.extent((1000, 1000)) == (1000, 1000 + MIN_SPAN)


def test_before_anything_is_known_the_newest_are_asked_for():
    request = Viewport(Mode.ALL, 5000.0).request(None, 640)
    assert (request.start, request.span, request.n_columns) == (None, 5000, 640)


@given(views, st.floats(1, 100), st.floats(1000, 101_000))
def test_zooming_out_stops_at_the_data_with_a_little_margin(view, factor, about):
    before, after = view, view.zoomed(factor, BOUNDS, about)
    wide = [right - left for left, right in (each.extent(BOUNDS) for each in (before, after))]
    assert wide[1] <= max(1.06 * 100_000, wide[0]) * 1.001
    assert wide[1] >= wide[0] * 0.999, "what shows more than all already does not shrink"


def test_what_shows_everything_goes_on_to_do_so_when_zoomed_out():
    assert Viewport(Mode.ALL, 1e4).zoomed(2.0, BOUNDS).mode is Mode.ALL
