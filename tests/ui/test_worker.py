import threading

import pytest
from fake_feed import FakeFeed

from ui.feed import FrameRequest
from ui.worker import Worker


class SlowFeed(FakeFeed):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Semaphore(0)
        self.asked: list[FrameRequest] = []

    def frame(self, request):
        self.asked.append(request)
        self.go.acquire()
        return super().frame(request)


@pytest.fixture
def worker(app):
    worker = Worker(SlowFeed())
    yield worker
    worker.feed.go.release(100)
    worker.close()
    worker.deleteLater()


def request(span):
    return FrameRequest(None, None, span, 10)


def test_the_latest_request_wins_and_one_is_in_flight(worker, until):
    frames = []
    worker.frame_ready.connect(frames.append)
    worker.ask(request(1000))
    until(lambda: worker.feed.asked)
    assert not worker.idle
    for span in (2000, 3000, 4000):
        worker.ask(request(span))
    worker.feed.go.release(2)
    until(lambda: len(frames) == 2)
    assert [r.span for r in worker.feed.asked] == [1000, 4000]
    assert worker.idle


def test_commands_are_carried_out_in_order_before_frames(worker, until):
    done = []
    worker.command_done.connect(lambda label, result: done.append((label, result)))
    worker.ask(request(1000))
    until(lambda: worker.feed.asked)
    worker.ask(request(2000))
    worker.do("one", lambda feed: len(feed.asked))
    worker.do("two", lambda feed: len(feed.asked))
    worker.feed.go.release(2)
    until(lambda: len(done) == 2)
    assert done == [("one", 1), ("two", 1)]


def test_a_command_that_fails_says_why(worker, until):
    failed = []
    worker.command_failed.connect(lambda label, why: failed.append((label, why)))
    worker.feed.error = "gone"
    worker.feed.go.release()
    worker.do("record", lambda feed: feed.frame(request(1)))
    until(lambda: failed)
    assert failed == [("record", "gone")]


def test_after_it_is_closed_no_signal_comes(app, until):
    feed, heard = SlowFeed(), []
    worker = Worker(feed)
    worker.frame_ready.connect(heard.append)
    worker.ask(request(1000))
    until(lambda: feed.asked)
    feed.go.release()
    worker.close()
    app.processEvents()
    assert heard == []
    assert feed.closed
    worker.deleteLater()


def test_what_was_commanded_before_closing_is_still_carried_out(app):
    feed = FakeFeed()
    worker = Worker(feed)
    for k in range(20):
        worker.do("mark", lambda f, k=k: f.mark("x", k))
    worker.close()
    assert feed.calls == [("mark", "x", k) for k in range(20)]
    worker.deleteLater()


def test_a_fault_of_ours_is_told_and_the_next_request_is_answered(app, until, caplog):
    class Faulty(FakeFeed):
        def frame(self, request):
            if request.span == 1:
                raise AttributeError("no such thing")
            return super().frame(request)

    worker = Worker(Faulty())
    told, frames = [], []
    worker.frame_failed.connect(told.append)
    worker.frame_ready.connect(frames.append)
    worker.ask(request(1))
    until(lambda: told)
    worker.ask(request(1000))
    until(lambda: frames)
    worker.close()
    worker.deleteLater()
    assert told == ["a fault in Wattstage: AttributeError: no such thing"]
    assert "Traceback" in caplog.text
