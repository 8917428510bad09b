"""Functions that the user has chosen as stages, called in every way."""

import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from monitor.workload.chosen import Chosen, decoded, encoded, mark
from monitor.workload.imports import ImportWatch
from monitor.workload.timing import make_timing
from monitor.workload.tracker import Tracker

CHOSEN = [Chosen("somebodys", "outer", "outer"), Chosen("somebodys", "inner", "inner")]


@pytest.fixture
def somebodys(monkeypatch):
    """A module with two functions, of which the outer one calls what it is given."""
    module = ModuleType("somebodys")
    module.inner = lambda: 42
    module.outer = lambda call: call()
    monkeypatch.setitem(sys.modules, "somebodys", module)
    begun = []
    client = SimpleNamespace(
        begin=lambda stage, *_, **__: begun.append(stage) or str(len(begun)),
        end=lambda *_, **__: None,
        point=lambda _, text: pytest.fail(text),
    )
    tracker = Tracker(lambda: client, make_timing("host"))
    mark(decoded(encoded(CHOSEN)), ImportWatch(tracker.failed), tracker)
    module.begun = begun
    return module


def test_calls_nest(somebodys):
    assert somebodys.outer(somebodys.inner) == 42
    assert somebodys.begun == ["outer", "inner"]


def test_a_call_by_another_thread_is_not_mixed_into_a_stage(somebodys):
    def elsewhere():
        thread = threading.Thread(target=somebodys.inner)
        thread.start()
        thread.join()

    somebodys.outer(elsewhere)
    assert somebodys.begun == ["outer"]
    elsewhere()  # nobody is in a stage now
    assert somebodys.begun == ["outer", "inner"]


def test_what_torch_compiles_is_left_whole(somebodys, monkeypatch):
    compiler = SimpleNamespace(is_compiling=lambda: True)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(compiler=compiler))
    assert somebodys.outer(somebodys.inner) == 42
    assert somebodys.begun == []
