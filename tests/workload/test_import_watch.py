"""A word when a module has been imported, before whoever imports it sees it."""

import importlib
import sys

import pytest

from monitor.workload.imports import ImportWatch


@pytest.fixture
def watch(tmp_path, monkeypatch):
    (tmp_path / "first_thing.py").write_text("value = 1\n")
    (tmp_path / "other_thing.py").write_text("from first_thing import value\n")
    (tmp_path / "broken_thing.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    failures = []
    watch = ImportWatch(failures.append)
    watch.failures = failures
    watch.install()
    yield watch
    sys.meta_path.remove(watch)
    for name in ("first_thing", "other_thing", "broken_thing"):
        sys.modules.pop(name, None)


def test_a_patch_is_there_before_anybody_binds_the_name(watch):
    watch.when("first_thing", lambda module: setattr(module, "value", 2))
    assert importlib.import_module("other_thing").value == 2


def test_a_module_that_is_there_already_is_told_at_once(watch):
    importlib.import_module("first_thing")
    seen = []
    watch.when("first_thing", seen.append)
    assert [module.__name__ for module in seen] == ["first_thing"]


def test_an_import_that_fails_fails_as_it_would(watch):
    seen = []
    watch.when("broken_thing", seen.append)
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("broken_thing")
    assert seen == []


def test_a_callback_that_fails_leaves_the_import_alone(watch):
    def fail(module):
        raise LookupError(module.__name__)

    watch.when("first_thing", fail)
    assert importlib.import_module("first_thing").value == 1
    assert [str(error) for error in watch.failures] == ["first_thing"]


def test_the_loader_that_a_module_keeps_is_its_own(watch):
    watch.when("first_thing", lambda module: None)
    module = importlib.import_module("first_thing")
    assert type(module.__spec__.loader).__name__ == "SourceFileLoader"
    assert module.__loader__ is module.__spec__.loader
