"""What the tests of the window share: an application, windows that close, pictures of failures."""

import gc
import re
import threading
import time
from pathlib import Path

import pytest
from fake_feed import FakeFeed
from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

from ui.fonts import font
from ui.theme import DARK
from ui.window import Window

PICTURES = Path(__file__).parents[1] / "pictures"


@pytest.fixture(scope="session")
def app():
    app = QApplication.instance() or QApplication(["tests"])
    app.setStyle("Fusion")
    app.setFont(font())
    return app


@pytest.fixture
def until(app):
    """Let the window run until something is so."""

    def wait(condition, seconds=30.0):
        deadline = QDeadlineTimer(round(seconds * 1000))
        while not condition():
            assert not deadline.hasExpired(), "it never came to be"
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.002)  # what we wait for may need the processor

    return wait


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.failed = report.failed
    return report


@pytest.fixture
def show(app, until, request):
    """Return a function which opens a window on a feed and waits for its first frame."""
    windows = []

    def open_window(feed=None, *, size=(1200, 800), frame=True, **options):
        feed = feed or FakeFeed()
        window = Window(feed, theme=options.pop("theme", DARK), **options)
        windows.append(window)
        window.resize(*size)
        window.show()
        if frame:
            until(lambda: window.snapshot is not None and window.plots.n_painted > 1)
        return window

    yield open_window
    for place, window in enumerate(windows):
        if getattr(request.node, "failed", False):
            PICTURES.mkdir(exist_ok=True)
            name = re.sub(r"\W+", "_", request.node.name)
            window.grab().save(str(PICTURES / f"{name}-{place}.png"))
        window.close()
        window.deleteLater()


@pytest.fixture(autouse=True)
def nothing_outlives_its_test(request):
    if "app" not in request.fixturenames:
        yield
        return
    gc.disable()  # as in the window's process: other threads must not free what Qt made
    yield
    app = QApplication.instance()
    app.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [t.name for t in threading.enumerate() if t.name == "feed"] == []
    assert app.topLevelWidgets() == []
    gc.collect()
    gc.enable()
