import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.dsp.stages import StageTree
from monitor.model import Edge, Marker

ALWAYS = 10**18
ANY = settings(max_examples=100)


def begin(stage, at, span="", parent="", seq=None, **fields):
    return edge(Edge.BEGIN, stage, at, span, parent, seq, **fields)


def end(stage, at, span="", parent="", seq=None, **fields):
    return edge(Edge.END, stage, at, span, parent, seq, **fields)


def edge(kind, stage, at, span, parent, seq, **fields):
    fields = {"run_id": "r", **fields}
    return Marker(
        time_ns=at, stage=stage, edge=kind, span_id=span, parent_id=parent,
        seq=at if seq is None else seq, **fields,
    )  # fmt: skip


def point(stage, at, **fields):
    return Marker(time_ns=at, stage=stage, edge=Edge.INSTANT, **fields)


def tree(*markers):
    stages = StageTree()
    for marker in markers:
        stages.add(marker)
    return stages


def of(*markers):
    return {(s.path, s.index): s for s in tree(*markers).stages(ALWAYS)}


RUN = [
    begin("run", 0, "a", total=2, attrs={"model": "v2"}),
    begin("denoise", 10, "b", "a"),
    begin("step", 11, "c0", "b", index=0),
    end("step", 20, "c0", "b", index=0),
    begin("step", 21, "c1", "b", index=1),
    end("step", 30, "c1", "b", index=1),
    end("denoise", 31, "b", "a"),
    begin("vae", 40, "d", "a"),
    end("vae", 50, "d", "a"),
    end("run", 60, "a", attrs={"status": "ok"}),
]


def test_stages_nest_and_have_paths():
    found = tree(*RUN).stages(ALWAYS)
    assert [(s.path, s.depth, s.start_ns, s.stop_ns, s.leaf) for s in found] == [
        ("run", 0, 0, 60, False),
        ("run/denoise", 1, 10, 31, False),
        ("run/denoise/step", 2, 11, 20, True),
        ("run/denoise/step", 2, 21, 30, True),
        ("run/vae", 1, 40, 50, True),
    ]
    assert not any(s.truncated for s in found)
    assert found[0].attrs == {"model": "v2", "status": "ok"}
    assert (found[0].total, found[1].parent_id) == (2, "a")


_names = st.sampled_from(["run", "step", "vae/x", ""])
_ids = st.sampled_from(["", "a", "b", "c", "d"])
anything = st.lists(
    st.builds(
        Marker,
        time_ns=st.integers(0, 20),
        stage=_names,
        edge=st.sampled_from(Edge),
        run_id=st.sampled_from(["r", "q"]),
        span_id=_ids,
        parent_id=_ids,
        seq=st.integers(0, 5),
        rank=st.integers(0, 1),
        index=st.none() | st.integers(0, 2),
    ),
    max_size=25,
)


@ANY
@given(anything, st.randoms(use_true_random=False))
def test_any_order_and_any_duplication_of_the_same_markers_gives_the_same(markers, rng):
    # A broker may repeat a marker, but then it is the same in every field.
    markers = list({(m.run_id, m.rank, m.seq): m for m in markers}.values())
    shuffled = markers + [rng.choice(markers) for _ in markers]
    rng.shuffle(shuffled)
    one, other = tree(*markers), tree(*shuffled)
    assert one.stages(ALWAYS) == other.stages(ALWAYS)
    assert one.marks() == other.marks()
    assert one.n_markers == other.n_markers == len(markers)


@ANY
@given(anything)
def test_whatever_comes_there_is_a_tree(markers):
    found = tree(*markers).stages(ALWAYS)
    places = {(s.run_id, s.span_id): s for s in found if s.span_id}
    for stage in found:
        assert stage.stop_ns is None or stage.start_ns <= stage.stop_ns
        parent = places.get((stage.run_id, stage.parent_id)) if stage.parent_id else None
        assert (stage.depth == 0) == (parent is None)
        if parent is not None:
            assert stage.depth == parent.depth + 1
            assert not parent.leaf
            assert stage.path == f"{parent.path}/{stage.name}"
        assert stage.name
        assert "/" not in stage.name
    assert list(found) == sorted(found, key=lambda s: (s.start_ns, s.depth))


def test_asking_in_between_changes_nothing():
    asked, unasked = StageTree(), tree(*RUN)
    for marker in RUN:
        assert asked.add(marker)
        asked.stages(ALWAYS)
    assert asked.stages(ALWAYS) == unasked.stages(ALWAYS)


def test_a_repeated_marker_is_dropped_even_if_it_arrived_later():
    stages = tree(*RUN)
    assert not stages.add(msgspec.structs.replace(RUN[3], received_ns=99))
    assert stages.n_markers == len(RUN)


def test_what_is_asked_twice_is_made_once():
    stages = tree(*RUN)
    assert stages.stages(ALWAYS) is stages.stages(ALWAYS)


def test_a_stage_runs_until_its_end_or_that_of_one_around_it_is_known():
    open_ = RUN[:3]
    assert [s.stop_ns for s in tree(*open_).stages(ALWAYS)] == [None, None, None]
    assert not any(s.truncated for s in tree(*open_).stages(ALWAYS))
    found = of(*open_, RUN[-1])
    assert found["run/denoise", 0].stop_ns == found["run/denoise/step", 0].stop_ns == 60
    assert found["run/denoise/step", 0].truncated
    assert not found["run", 0].truncated


def test_a_stage_without_its_begin_starts_with_its_child_or_its_parent_or_its_end():
    found = of(end("denoise", 31, "b", "a"), *RUN[2:6])
    assert (found["denoise", 0].start_ns, found["denoise", 0].truncated) == (11, True)
    found = of(RUN[0], end("vae", 50, "d", "a"))
    assert (found["run/vae", 0].start_ns, found["run/vae", 0].truncated) == (0, True)
    found = of(end("vae", 50, "d"))
    assert (found["vae", 0].start_ns, found["vae", 0].stop_ns) == (50, 50)
    grandchild = of(end("run", 60, "a"), end("denoise", 31, "b", "a"), *RUN[4:6])
    assert grandchild["run", 0].start_ns == 21


def test_an_end_before_its_begin_leaves_no_length():
    found = of(begin("x", 50, "a"), end("x", 40, "a"))["x", 0]
    assert (found.start_ns, found.stop_ns, found.truncated) == (50, 50, True)


def test_what_is_open_when_its_sender_breaks_off_ends_there():
    found = of(
        begin("run", 0, "a", sender="killed"),
        begin("step", 5, "b", "a", sender="killed"),
        begin("run", 2, "c", sender="alive"),
        begin("run", 50, "d", sender="killed"),
        point("abort", 20, run_id="r", sender="killed"),
    )
    assert (found["run", 0].stop_ns, found["run", 0].truncated) == (20, True)
    assert found["run/step", 0].stop_ns == 20
    assert [found["run", k].stop_ns for k in (1, 2)] == [None, None]


def test_a_sender_that_comes_back_ends_its_stages_itself():
    found = of(
        begin("run", 0, "a", sender="s"),
        point("abort", 20, run_id="r", sender="s"),
        end("run", 60, "a", sender="s"),
    )
    assert (found["run", 0].stop_ns, found["run", 0].truncated) == (60, False)


def test_a_child_may_stick_out_of_its_parent():
    found = of(begin("p", 10, "a"), end("p", 20, "a"), begin("c", 5, "b", "a"), end("c", 30, "b"))
    assert (found["p/c", 0].start_ns, found["p/c", 0].stop_ns) == (5, 30)
    assert not found["p/c", 0].truncated


def test_an_unknown_parent_is_taken_up_when_it_arrives():
    child = [begin("c", 5, "b", "a"), end("c", 6, "b", "a")]
    assert list(of(*child)) == [("c", 0)]
    assert ("p/c", 0) in of(*child, begin("p", 1, "a"))


def test_parents_in_a_circle_are_roots():
    found = tree(
        begin("x", 1, "a", "b"), begin("y", 2, "b", "c"), begin("z", 3, "c", "b"),
        begin("own", 4, "d", "d"), begin("child", 5, "e", "d"),
    ).stages(ALWAYS)  # fmt: skip
    assert [(s.path, s.depth) for s in found] == [
        ("y/x", 1), ("y", 0), ("z", 0), ("own", 0), ("own/child", 1)
    ]  # fmt: skip


def test_spans_of_different_runs_do_not_mix():
    found = of(
        begin("x", 1, "a"), begin("y", 2, "b", "a", run_id="q"), end("x", 9, "a", run_id="q")
    )
    assert ("y", 0) not in found
    assert found["x", 0].stop_ns is None


def test_a_sender_that_names_no_spans_is_paired_by_time():
    found = of(
        begin("x", 1, index=0), end("x", 2, index=0), begin("x", 3, index=1),
        begin("y", 5), end("y", 6), begin("y", 7), begin("y", 8), end("y", 9), end("y", 10),
    )  # fmt: skip
    assert (found["x", 0].stop_ns, found["x", 1].stop_ns) == (2, None)
    assert [(found["y", k].start_ns, found["y", k].stop_ns) for k in range(4)] == [
        (5, 6), (7, None), (8, 9), (10, 10)
    ]  # fmt: skip


def test_stages_that_are_not_counted_by_the_sender_are_counted_in_their_parent():
    found = tree(
        begin("p", 0, "a"), begin("p", 50, "b"),
        begin("c", 20, "d", "a"), begin("c", 10, "c", "a"), begin("c", 60, "e", "b"),
    ).stages(ALWAYS)  # fmt: skip
    assert [(s.path, s.index, s.start_ns) for s in found] == [
        ("p", 0, 0), ("p/c", 0, 10), ("p/c", 1, 20), ("p", 1, 50), ("p/c", 0, 60)
    ]  # fmt: skip


def test_of_two_claims_about_one_edge_the_one_sent_later_counts():
    claims = [begin("x", 10, "a", seq=1), begin("x", 7, "a", seq=2)]
    assert of(*claims)["x", 0].start_ns == of(*reversed(claims))["x", 0].start_ns == 7


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a/b", "a_b"), ("a\nb\x00", "a_b_"), ("x" * 100, "x" * 64), ("", "_"), ("é 1", "é 1")],
)
def test_a_name_can_be_part_of_a_path(name, shown):
    assert list(of(begin(name, 1, "a"))) == [(shown, 0)]


def test_only_stages_that_have_begun_are_returned():
    stages = tree(*RUN)
    assert [s.path for s in stages.stages(10)] == ["run", "run/denoise"]
    assert stages.stages(-1) == ()


def test_marks_are_instants_sorted_by_time():
    stages = tree(point("note", 9, seq=1), *RUN, point("event", 3), point("event", 3, attrs={}))
    assert [(m.stage, m.time_ns) for m in stages.marks()] == [("event", 3), ("note", 9)]


def test_a_timeline_is_what_lies_in_a_span():
    stages = tree(*RUN, point("note", 25, seq=1), point("note", 99, seq=2))
    shown = stages.timeline(20, 40, 100, 10)
    assert [(s.path, s.start_ns) for s in shown.stages] == [
        ("run", 0), ("run/denoise", 10), ("run/denoise/step", 21)
    ]  # fmt: skip
    assert [m.time_ns for m in shown.marks] == [25]
    assert [s.path for s in stages.timeline(20, 60, 30, 10).stages][-1] == "run/denoise/step"


def test_a_crowded_timeline_keeps_the_longest_stages():
    stages = tree(*RUN)
    assert [s.path for s in stages.timeline(0, 60, 100, 2).stages] == ["run", "run/denoise"]


def test_a_zero_length_stage_is_shown_where_it_is():
    stages = tree(begin("x", 10, "a", seq=1), end("x", 10, "a", seq=2))
    assert len(stages.timeline(10, 11, 100, 5).stages) == 1
    assert len(stages.timeline(11, 12, 100, 5).stages) == 0


def test_thousands_of_nested_stages_are_no_recursion():
    markers = [begin("x", k, str(k), str(k - 1) if k else "") for k in range(3000)]
    random.Random(1).shuffle(markers)
    deepest = tree(*markers).stages(ALWAYS)[-1]
    assert deepest.depth == 2999


def test_a_stage_is_as_uncertain_as_its_sender_says():
    read = {"uncertainty_s": 1.0}
    found = of(
        begin("run", 0, "a"),
        begin("denoise", 10, "b", "a", attrs=read),
        end("denoise", 20, "b", "a"),
        begin("save", 30, "c", "a"),
        end("save", 40, "c", "a", attrs={"uncertainty_s": 0.25}),
    )
    assert {path: stage.uncertainty_ns for (path, _), stage in found.items()} == {
        "run": 0, "run/denoise": 10**9, "run/save": 250_000_000
    }  # fmt: skip


@pytest.mark.parametrize("told", [True, "1", -1.0, float("nan"), None])
def test_what_is_no_uncertainty_is_none(told):
    found = of(begin("run", 0, "a", attrs={"uncertainty_s": told}))
    assert found["run", 0].uncertainty_ns == 0


def test_the_wider_of_both_bounds_counts():
    exchange = {"t0_ns": 1000, "t1_ns": 6000, "t2_ns": 6200, "t3_ns": 1600}
    for told_s, bound_ns in ((1e-9, 200), (1e-6, 1000)):
        found = of(
            point("clock", 6000, run_id="r", sender="s", attrs=exchange),
            begin("run", 6000, "a", sender="s", attrs={"uncertainty_s": told_s}),
        )
        assert found["run", 0].uncertainty_ns == bound_ns
