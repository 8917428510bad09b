import os

import pytest

from monitor.engine import endpoint
from monitor.errors import ConfigError


def test_the_folder_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert endpoint.folder().stat().st_mode & 0o077 == 0


def test_a_folder_that_others_can_enter_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    endpoint.folder().chmod(0o755)
    with pytest.raises(ConfigError, match="must belong to you alone"):
        endpoint.folder()


@pytest.mark.parametrize("good", ["ipc:///tmp/e.ipc", "tcp://127.0.0.1:5555", "tcp://[::1]:5555"])
def test_loopback_is_accepted(good):
    assert endpoint.check(good) == good


@pytest.mark.parametrize("bad", ["", "engine", "tcp://0.0.0.0:5555", "tcp://10.0.0.1:1", "ipc://"])
def test_anything_else_is_refused(bad):
    with pytest.raises(ConfigError, match="expected ipc"):
        endpoint.check(bad)


def test_a_path_too_long_for_a_socket_is_refused():
    with pytest.raises(ConfigError, match="at most"):
        endpoint.check("ipc:///" + "x" * 200)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("WATTSTAGE_ENDPOINT", raising=False)
    return endpoint.folder()


def test_the_only_engine_that_runs_is_found(folder, monkeypatch):
    assert endpoint.running() == endpoint.default()
    (folder / "engine-999999999.ipc").touch()  # of nobody any more
    (folder / "engine-x.ipc").touch()
    assert endpoint.running() == endpoint.default()
    (folder / f"engine-{os.getpid()}.ipc").touch()
    assert endpoint.running() == endpoint.own()
    (folder / f"engine-{os.getppid()}.ipc").touch()
    with pytest.raises(ConfigError, match=r"2 engines run.*--endpoint: ipc://.*, ipc://"):
        endpoint.running()
    (folder / "engine.ipc").touch()
    assert endpoint.running() == endpoint.default()
    monkeypatch.setenv("WATTSTAGE_ENDPOINT", "ipc:///tmp/mine")
    assert endpoint.running() == "ipc:///tmp/mine"
