"""When a record is believed to be done."""

from types import SimpleNamespace

import pytest

from monitor.config import InstrumentSettings
from monitor.model import NS
from monitor.sources.acquisition import Acquisition


class DoneError(Exception):
    """The record is believed to be done."""


class SlowTalk:
    """A scope whose answers take their time: (query, whether it says done, seconds)."""

    def __init__(self, script, *, state_lags):
        self.script = list(script)
        self.ns = 0
        self.dialect = SimpleNamespace(
            arm="ARM", running="STATE?", is_done=None, record_time="", state_lags=state_lags
        )

    def ask(self, query, convert):
        expected, is_done, seconds = self.script.pop(0)
        assert query == expected
        self.ns += round(seconds * NS)
        return is_done

    def preamble(self, which):
        raise DoneError

    def wait(self, seconds):
        self.ns += round(seconds * NS)


def take(talk):
    acquisition = Acquisition(
        talk, InstrumentSettings(address="x"), 0.1, now_ns=lambda: talk.ns, pause=talk.wait
    )
    with pytest.raises(DoneError):
        acquisition.take()
    return talk.script


def test_a_state_from_before_the_record_could_be_done_is_not_believed_however_late_it_comes():
    # The scope says that it is done because it has not begun; the answer is held up by 0.2 s.
    script = [("ARM", True, 0.2), ("STATE?", False, 0.001), ("STATE?", True, 0.001)]
    assert not take(SlowTalk(script, state_lags=True))


def test_a_state_that_does_not_lag_is_believed_at_once():
    assert not take(SlowTalk([("ARM", True, 0.2)], state_lags=False))
