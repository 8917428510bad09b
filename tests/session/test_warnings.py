import asyncio

from fakes import FakeClock, ListSource, dc_block

from monitor.config import HistorySettings, MetricsSettings
from monitor.session import Session
from monitor.session.warnings import Severity, Warnings
from monitor.sources.source import event


def warned_after(*events):
    session = Session(
        ListSource([dc_block(0, 120.0), *events]),
        None,
        metrics=MetricsSettings(),
        history=HistorySettings(),
        clock=FakeClock(),
    )
    asyncio.run(session.run())
    return session.snapshot.warnings


LOST = event("instrument lost: unplugged; trying again", "lost", 1)
DROPPED = event("a record was dropped", "dropped", 2)
AGAIN = event("instrument answers again after 3 s", "reconnected", 3)


def test_the_worst_warning_stands_last_whenever_it_came():
    assert warned_after(LOST, DROPPED)[-1] == LOST.attrs["text"]
    assert warned_after(DROPPED, LOST)[-1] == LOST.attrs["text"]


def test_a_loss_that_is_over_is_not_warned_of_any_more():
    assert warned_after(LOST, DROPPED, AGAIN) == (AGAIN.attrs["text"], DROPPED.attrs["text"])


def test_of_too_many_warnings_the_least_and_oldest_go():
    warnings = Warnings()
    warnings.add("the disk is full", Severity.UNKEPT)
    for k in range(20):
        warnings.add(f"flaw {k}", Severity.FLAW)
    assert warnings.texts()[0] == "flaw 13"
    assert warnings.texts()[-1] == "the disk is full"


def test_what_lasts_just_now_stands_among_the_flaws():
    warnings = Warnings()
    warnings.add("saved", Severity.NEWS)
    warnings.add("instrument lost", Severity.BLIND)
    assert warnings.texts(["no markers come"]) == ("saved", "no markers come", "instrument lost")
