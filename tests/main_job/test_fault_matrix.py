"""Every fault, with every dialect and over every transport: what the page about faults says."""

import asyncio
import gc
import logging
import os
import warnings

import pytest
from fault_page import PAGE, cells, column, page
from faulty import LONGEST_GAP, TIMEOUT_S, all_cases, by_dialect, outcomes, transport_of

from monitor.bench.scope.faults import Fault
from monitor.bench.vendors.instruments import INSTRUMENTS

CASES = all_cases()
# The reply that is late may be any of those that a record takes.
LATE = [
    (d, transport_of(d), Fault.STALE_REPLY, spare) for d in INSTRUMENTS for spare in range(1, 7)
]
LATE += [(d, transport_of(d), Fault.WRONG_LENGTH, 1) for d in INSTRUMENTS]

BEGINS = {
    "lost": "instrument lost: ",
    "reconnected": "instrument answers again after ",
    "dropped": "a record was dropped: ",
}


def name(case):
    dialect, way, fault, *spare = case
    return "-".join((dialect, way, fault.value, *map(str, spare)))


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Return the outcomes of real runs, many at a time; write the page if asked to."""
    # PyVISA-py leaves the socket of a HiSLIP session open that was refused; it hangs on its error,
    # and pytest keeps every error that was logged.
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            found = asyncio.run(outcomes(tmp_path_factory.mktemp("faults"), [*CASES, *LATE]))
            gc.collect()
    finally:
        logging.disable(logging.NOTSET)
    if os.environ.get("WATTSTAGE_WRITE_FAULTS"):
        PAGE.write_text(page(found), encoding="utf-8")
    return found


@pytest.mark.parametrize("case", CASES, ids=name)
def test_no_fault_puts_a_wrong_number_or_a_wrong_time_into_a_recording(seen, case):
    assert seen[case].n_wrong == 0
    assert seen[case].n_misplaced == 0


@pytest.mark.parametrize("case", CASES, ids=name)
def test_what_is_lost_is_a_gap_with_a_plain_reason_and_the_recording_goes_on(seen, case):
    outcome = seen[case]
    assert outcome.kinds in ([], ["lost", "reconnected"], ["dropped"])
    for event, gap_s in zip(outcome.events, outcome.gaps_s, strict=True):
        assert str(event.attrs["text"]).startswith(BEGINS[str(event.attrs["kind"])])
        assert gap_s > 0
    assert len(outcome.blocks) >= 7


@pytest.mark.parametrize("case", [*CASES, *LATE], ids=name)
def test_nothing_hangs(seen, case):
    assert seen[case].longest_gap_s <= LONGEST_GAP * TIMEOUT_S


@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_page_says_what_happens(seen, case):
    *way, fault = case
    told = cells(PAGE.read_text(encoding="utf-8"))
    columns = [column(*way)] if tuple(way) in by_dialect() else []
    columns += [way[1]] if way[0] == "keysight" else []
    if (columns[0], fault) not in told:
        pytest.skip("the page is older than this dialect: scripts/fault_table")
    assert {told[name, fault] for name in columns} == {seen[case].words}


@pytest.mark.parametrize("case", LATE, ids=name)
def test_wherever_it_strikes_no_number_is_wrong(seen, case):
    assert seen[case].n_wrong == 0
    assert seen[case].n_misplaced == 0
    assert seen[case].kinds in ([], ["lost", "reconnected"])


def test_clipped_samples_are_counted(seen):
    for case in CASES:
        is_dropped = seen[case].kinds == ["dropped"]
        assert bool(seen[case].n_clipped) == (case[2] is Fault.CLIPPING and not is_dropped)
