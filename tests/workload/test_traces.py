"""Tracebacks of somebody else's program, without the frames of ours."""

import sys
import traceback
from pathlib import Path

import pytest

from monitor.workload import traces
from monitor.workload.calls import wrapped
from monitor.workload.traces import hide_us, without_us

OURS = str(Path(traces.__file__).with_name("ours.py"))


def ours(call):
    """Return a function of a file of ours that calls another."""
    named = {}
    exec(compile("def through(*args): return call(*args)", OURS, "exec"), {"call": call}, named)
    return named["through"]


def theirs():
    raise ValueError("theirs")


def between():
    return ours(theirs)()


def names(error_traceback):
    return [frame.name for frame in traceback.extract_tb(error_traceback)]


def caught(call):
    with pytest.raises(ValueError, match="theirs") as raised:
        call()
    return raised.value


@pytest.mark.parametrize(
    "call",
    [theirs, ours(theirs), ours(ours(theirs)), ours(between)],
    ids=["none", "one", "two in a row", "two apart"],
)
def test_only_their_frames_are_left_and_in_order(call):
    left = names(without_us(caught(call).__traceback__))
    assert "through" not in left
    assert left[0] == "caught"
    assert left[-1] == "theirs"


def test_of_nothing_is_left_nothing():
    assert without_us(None) is None


def test_a_wrapped_call_is_not_in_the_traceback_whatever_its_hook_does():
    def hook(_):
        try:
            yield
        except ValueError as error:
            raise LookupError("of the hook") from error

    failures = []
    error = caught(wrapped(wrapped(theirs, hook, failures.append), hook, failures.append))
    assert names(error.__traceback__) == ["caught", "theirs"]
    assert (error.__cause__, error.__context__, error.__suppress_context__) == (None, None, False)
    assert [str(each) for each in failures] == ["of the hook"] * 2


def test_where_python_keeps_a_frame_it_is_not_printed(monkeypatch):
    printed = []
    monkeypatch.setattr(sys, "excepthook", lambda *given: printed.append(given))
    hide_us((3, 10))
    try:
        try:
            ours(theirs)()
        except ValueError as error:
            raise KeyError("later") from error
    except KeyError as error:
        error.__cause__.__context__ = error  # a circle ends, too
        sys.excepthook(KeyError, error, error.__traceback__)
    ((kind, error, error_traceback),) = printed
    assert kind is KeyError
    here = "test_where_python_keeps_a_frame_it_is_not_printed"
    assert names(error_traceback) == [here]
    assert names(error.__cause__.__traceback__) == [here, "theirs"]


def test_where_it_keeps_none_what_prints_is_left_as_it_is():
    before = sys.excepthook
    hide_us((3, 11))
    assert sys.excepthook is before
