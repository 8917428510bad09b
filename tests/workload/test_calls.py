"""Functions of somebody else's program, with hooks around their calls."""

import inspect

import pytest

from monitor.workload.calls import replace, wrapped


class Recorder:
    def __init__(self):
        self.seen, self.failures = [], []

    def hook(self, call):
        self.seen.append(("before", call.args, dict(call.kwargs)))
        try:
            yield
        except BaseException as error:
            self.seen.append(("raised", type(error)))
            raise
        self.seen.append(("after", call.result))


@pytest.fixture
def recorder():
    return Recorder()


def add(a, b=1):
    return a + b


def test_a_call_gives_what_it_gave_without_the_hook(recorder):
    call = wrapped(add, recorder.hook, recorder.failures.append)
    assert call(1, b=2) == 3
    assert recorder.seen == [("before", (1,), {"b": 2}), ("after", 3)]
    assert inspect.signature(call) == inspect.signature(add)


def test_what_a_call_raises_reaches_the_program_and_the_hook(recorder):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wrapped(fail, recorder.hook, recorder.failures.append)()
    assert recorder.seen[-1] == ("raised", KeyboardInterrupt)
    assert recorder.failures == []


@pytest.mark.parametrize("where", ["before", "after", "on error"])
def test_what_a_hook_raises_reaches_nobody_but_us(recorder, where):
    def hook(call):
        if where == "before":
            raise ValueError("hook")
        try:
            yield
        except Exception as error:
            if where == "on error":
                raise ValueError("hook") from error
            raise
        raise ValueError("hook")

    call = wrapped(add, hook, recorder.failures.append)
    if where == "on error":
        with pytest.raises(TypeError):
            call(1, None)
    else:
        assert call(1) == 2
    assert [str(error) for error in recorder.failures] == ["hook"]


def test_a_hook_may_replace_the_result(recorder):
    def hook(call):
        yield
        call.result = -call.result

    assert wrapped(add, hook, recorder.failures.append)(1) == -2


def test_an_attribute_is_wrapped_once(recorder):
    class Owner:
        def method(self, a):
            return a

    for _ in range(3):
        replace(Owner, "method", recorder.hook, recorder.failures.append)
    assert Owner().method(7) == 7
    assert len(recorder.seen) == 2
