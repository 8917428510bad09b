"""A part of a recording in the words of the command line."""

import pytest
from export.exports import recorded
from recording.sessions import info, ramp

from monitor.errors import ConfigError
from monitor.export.selection import select
from monitor.model import NS, Edge, Marker
from monitor.recording.reader import Recording

T0 = info().t0_ns


def edge(stage, kind, at_s, span_id, parent_id="", seq=0):
    return Marker(
        time_ns=T0 + round(at_s * NS), stage=stage, edge=kind, run_id="r", span_id=span_id,
        parent_id=parent_id, seq=seq,
    )  # fmt: skip


@pytest.fixture
def recording(tmp_path):
    items = [
        ramp(1000, 5000),
        edge("run", Edge.BEGIN, 0.1, "a", seq=1),
        edge("denoise", Edge.BEGIN, 0.2, "b", "a", 2),
        edge("denoise", Edge.END, 0.3, "b", "a", 3),
        edge("denoise", Edge.BEGIN, 0.35, "c", "a", 4),
        edge("denoise", Edge.END, 0.4, "c", "a", 5),
        edge("run", Edge.END, 0.45, "a", seq=6),
    ]
    with Recording(recorded(tmp_path, info(), items)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("span", "bounds"),
    [
        ("", (1000, 5000)),
        ("0.1s:0.2s", (2000, 3000)),
        ("100ms:200 ms", (2000, 3000)),
        (":0.2", (1000, 3000)),
        ("0.3:", (4000, 5000)),
        ("0.3:1h", (4000, 5000)),
    ],
)
def test_a_range_counts_from_the_first_sample(recording, span, bounds):
    chosen = select(recording, span=span)
    assert (chosen.start, chosen.stop) == bounds


def test_a_stage_is_chosen_by_its_path_and_its_number(recording):
    run = select(recording, stage="run")
    assert (run.start, run.stop) == (1000, 4500)
    second = select(recording, stage="run/denoise#1")
    assert (second.start, second.stop) == (3500, 4000)


@pytest.mark.parametrize(
    ("signals", "codes", "rows"),
    [
        ("", False, (0, 1, 2)),
        ("", True, (0, 1)),
        ("p", False, (2,)),
        ("i,v", False, (1, 0)),
        ("voltage, power, v", False, (0, 2)),
    ],
)
def test_signals_are_chosen_by_letter_or_name(recording, signals, codes, rows):
    assert select(recording, signals=signals, codes=codes).rows == rows


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"span": "3"}, "two times such as 10s:20s"),
        ({"span": "3 furlongs:"}, "two times such as 10s:20s"),
        ({"span": "9s:10s"}, "within 0s:0.4s"),
        ({"span": "0.2:0.1"}, "within 0s:0.4s"),
        ({"stage": "walk"}, "it has run, run/denoise"),
        ({"stage": "run/denoise"}, "occurs 2 times; choose one"),
        ({"stage": "run/denoise#2"}, "#0 to #1"),
        ({"stage": "run", "span": "0:1"}, "not both"),
        ({"signals": "x"}, "expected v, i, p, voltage, current, power"),
        ({"signals": "p", "codes": True}, "has no codes"),
    ],
)
def test_what_is_not_there_is_named(recording, words, said):
    with pytest.raises(ConfigError, match=said):
        select(recording, **words)
