"""The page is always whole: what hangs, fails or is missing is a line like any other."""

import json
import math
import threading

import pytest

from monitor.doctor import examination
from monitor.doctor.examination import examine, together
from monitor.doctor.report import Line, is_good, to_json_value
from monitor.errors import BrokerError


@pytest.fixture
def held():
    """Something that never answers, until the test is over."""
    event = threading.Event()
    yield event.wait
    event.set()


def line(which, level="ok"):
    return Line(id=which, level=level, what="seen")


def test_a_part_that_hangs_is_given_up_and_the_others_are_told(held):
    def hangs():
        yield line("half")
        held()

    found = list(together({"scope": hangs, "disk": lambda: iter([line("disk")])}, 0.2))
    assert {each.id for each in found} == {"half", "disk", "scope"}
    (lost,) = (each for each in found if each.id == "scope")
    assert (lost.level, "given up" in lost.what) == ("fail", True)


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (BrokerError("no broker at x; start one"), "no broker at x", "start one"),
        (ZeroDivisionError("oops"), "failed: ZeroDivisionError: oops", "please report it"),
    ],
)
def test_a_part_that_fails_is_a_line_and_the_others_go_on(error, what, fix):
    def fails():
        yield line("before")
        raise error

    found = {x.id: x for x in together({"it": fails, "disk": lambda: iter([line("disk")])}, 5.0)}
    assert found.keys() == {"before", "it", "disk"}
    assert what in found["it"].what
    assert found["it"].fix == fix


@pytest.fixture
def only_the_profile(monkeypatch):
    """Look at nothing else; return the settings that would have been looked with."""
    seen = []
    monkeypatch.setattr(examination, "_parts", lambda settings, *_: seen.append(settings) or {})
    return seen


def test_without_a_profile_it_says_how_to_make_one(tmp_path, only_the_profile):
    (found,) = examine(None, folder=tmp_path, seconds=1.0)
    assert (found.level, "wattstage setup" in found.fix) == ("skip", True)


def test_a_profile_that_makes_no_sense_is_told_and_the_rest_is_looked_at(
    tmp_path, only_the_profile
):
    (tmp_path / "p.toml").write_text("[instrument]\nvoltage = 3\n")
    (found,) = examine(tmp_path / "p.toml", folder=tmp_path, seconds=1.0)
    assert (found.level, found.id) == ("fail", "profile")
    assert "voltage" in found.what
    assert only_the_profile == [None]


def test_the_json_is_for_programs():
    lines = [line("a"), Line(id="b", level="warn", what="x", value=math.nan, unit="W")]
    value = to_json_value(lines)
    assert value["ok"] is True
    assert value["lines"][1] == {
        "id": "b", "level": "warn", "what": "x", "fix": "", "value": None, "unit": "W",
    }  # fmt: skip
    json.dumps(value, allow_nan=False)
    assert not is_good([*lines, line("c", "fail")])
