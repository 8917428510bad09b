import os
import signal
import subprocess
import sys

import pytest
from fakes import INFO, dc_block

from monitor.errors import ConfigError, EngineError, RecordingError
from monitor.recording.recorder import Recorder
from ui.app import _ended_by_signals, has_display, run

QUIET = {"theme": "dark", "seconds": 0.1, "picture": None}
SHOW = "import sys; from pathlib import Path; from ui.app import run; sys.exit(run(endpoint=None,"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "a.h5"
    with Recorder(path, INFO) as recorder:
        for k in range(10):
            recorder.write(dc_block(k * 1000, 120.0))
    return path


def test_nothing_to_show_is_told_before_a_window_appears():
    with pytest.raises(ConfigError, match="nothing to show"):
        run(endpoint=None, recording=None, **QUIET)


def test_an_unknown_theme_is_told():
    with pytest.raises(ConfigError, match="'pink': expected one of dark, light"):
        run(endpoint=None, recording=None, theme="pink", seconds=None, picture=None)


def test_a_missing_display_is_told_instead_of_an_abort(monkeypatch):
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert has_display() == (sys.platform != "linux")
    with pytest.raises(ConfigError, match="no display"):
        run(endpoint=None, recording=None, **QUIET)


def test_an_engine_that_is_not_there_is_told(tmp_path):
    with pytest.raises(EngineError, match="no engine answers"):
        run(endpoint=f"ipc://{tmp_path / 'none.ipc'}", recording=None, **QUIET)


def test_a_file_that_is_not_ours_is_told(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"x")
    with pytest.raises(RecordingError):
        run(endpoint=None, recording=tmp_path / "x.h5", **QUIET)


def test_a_picture_needs_a_folder(tmp_path):
    with pytest.raises(ConfigError, match="there is no folder"):
        run(endpoint=None, recording=None, theme="dark", seconds=1, picture=tmp_path / "no" / "a")


def test_the_window_closes_by_itself_and_leaves_a_picture(path, tmp_path):
    picture = tmp_path / "a.png"
    code = f"{SHOW} recording=Path({str(path)!r}), theme='light', seconds=1,"
    code += f" picture=Path({str(picture)!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")


HEARD = """
import os, signal, threading, time
def interrupt():
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.02)  # until it can be heard, however long a busy machine takes to start
    os.kill(os.getpid(), signal.{how})
threading.Thread(target=interrupt, daemon=True).start()
"""
BEFORE_THE_LOOP = """
import os, signal
from ui.window import Window
show = Window.show
Window.show = lambda window: (os.kill(os.getpid(), signal.SIGINT), show(window))
"""


STARTS = {
    "interrupt": HEARD.format(how="SIGINT"),
    "closed terminal": HEARD.format(how="SIGHUP"),
    "interrupt before the loop": BEFORE_THE_LOOP,
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_what_ends_the_window_closes_it_cleanly(start, path):
    code = f"{SHOW} recording=Path({str(path)!r}), theme='dark', seconds=300, picture=None))"
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=False,
        env=os.environ, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _ended_by_signals(lambda: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
