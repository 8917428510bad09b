"""Records that a scope pushes: what is said, and when they are believed to have begun."""

import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.scripted import CLOSE, JumpingClock, ScriptedInstrument
from sources.test_tektronix import (
    HELLO,
    MDO,
    MSO,
    OK,
    PREAMBLE,
    SET_UP_MDO,
    SET_UP_MSO,
    WORDS,
    curve,
    pair,
    record,
    state,
    talk,
)

from monitor.config import InstrumentSettings
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS, Scale
from monitor.sources.acquisition import DroppedRecord
from monitor.sources.dialect import Preamble
from monitor.sources.dialects.tektronix import TEKTRONIX
from monitor.sources.streaming import Stream
from monitor.sources.visa import VisaLink

LENGTH = "HORizontal:MODe:RECOrdlength?"
CODES = np.arange(1000, dtype="<i2")
OTHER = CODES[::-1].copy()
UP = [
    *[("*IDN?", MSO), *HELLO, *state(1, "V"), *state(2, "A"), *SET_UP_MSO],
    *2 * record(pair(WORDS), CODES, length=LENGTH),
    ("*ESR?;:EVMsg?", OK),
]
START = [
    *[
        line
        for number, reply in enumerate(pair(WORDS), 1)
        for line in [(f"DATa:SOUrce CH{number}", None), (PREAMBLE, reply), (LENGTH, "1000")]
    ],
    ("DATa:SOUrce CH1,CH2", None),
    ("DATa:STARt 1", None),
    ("DATa:STOP 1000", None),
    ("ACQuire:STOPAfter RUNSTop", None),
    ("ACQuire:STATE RUN", None),
]
LEAVE = [("*CLS", None), ("*CLS", None)]


def pushed(*codes, separator=b";"):
    return separator.join(curve(part).removesuffix(b"\n") for part in codes) + b"\n"


def short(data):
    """What comes if ten bytes are missing at the end, and the next record follows."""
    return data.removesuffix(b"\n")[:-10] + b"\n" + pushed(CODES, OTHER)


def taken(driver):
    """Return two pushed records."""
    driver.connect()
    driver.acquire()  # the one that was taken while connecting
    return driver.acquire(), driver.acquire()


@pytest.mark.parametrize("separator", [b";", b",", b""])
def test_a_scope_pushes_its_records_until_it_is_told_to_end(separator):
    both = pushed(CODES, OTHER, separator=separator) + pushed(OTHER, CODES, separator=separator)
    exchange = [*UP, *START, ("CURVEStream?", both), *LEAVE]
    first, second = talk(exchange, taken, stream=True)
    np.testing.assert_array_equal(first.codes, [CODES, OTHER])
    np.testing.assert_array_equal(second.codes, [OTHER, CODES])
    assert first.scales[0].gain == pytest.approx(31.25e-6)


@pytest.mark.parametrize(
    ("came", "error", "tells"),
    [
        (b"0;1", ProtocolError, "expected a block, got b'0'"),
        (pushed(CODES[:10], CODES), ProtocolError, "expected 1000 samples of input 1"),
        (pushed(CODES)[:-1], ConnectionLostError, "expected input 2 of a pushed record"),
        (pushed(CODES), ProtocolError, r"expected a block, got b'\\n'"),
        (short(pushed(CODES, CODES)), ProtocolError, "expected a line feed after a pushed block"),
        (pushed(CODES)[:-11] + b";" + curve(CODES), ProtocolError, r"a block, got b'\\x00'"),
        (curve(CODES)[:100] + CLOSE, ConnectionLostError, "a block of 2000 bytes"),
        (b"", ConnectionLostError, "to be pushed, got none"),
    ],
)
def test_what_is_no_record_ends_the_connection(came, error, tells):
    def act(driver):
        driver.connect()
        driver.acquire()
        with pytest.raises(error, match=tells):
            driver.acquire()

    is_open = not came.endswith(CLOSE)
    exchange = [*UP, *START, ("CURVEStream?", came), *(LEAVE if is_open else [])]
    talk(exchange, act, stream=True, pace=1 if came else 10)


def test_a_model_that_cannot_push_says_so():
    exchange = [("*IDN?", MDO), *HELLO]
    exchange += [*state(1, "V", of_mso=False), *state(2, "A", of_mso=False), *SET_UP_MDO]
    codes = np.zeros(1000, "i1")
    replies = pair(WORDS.replace(";2;", ";1;"))
    exchange += 2 * record(replies, codes, length="HORizontal:RECOrdlength?")
    exchange += [("*ESR?;:EVMsg?", OK)]
    with pytest.raises(InstrumentError, match="cannot push its records; set stream = false"):
        talk(exchange, lambda d: d.connect(), format="BYTE", stream=True)


class Pushing:
    """A link on which blocks arrive some time after their end, and after the one before."""

    is_stream = True

    def __init__(self, clock, ends_ns, latencies_ns, transfers_ns=()):
        self.clock = clock
        self.ends_ns = list(ends_ns)
        self.latencies_ns = list(latencies_ns)
        self.transfers_ns = [*transfers_ns, *[0] * len(self.ends_ns)]
        self.through_ns = 0
        self.left = 0

    @property
    def arrival_ns(self):
        return max(self.ends_ns[0], self.through_ns) + self.latencies_ns[0]

    def write(self, text):
        pass

    def begins_block(self, timeout_s):
        if self.left:
            return True
        wait_s = (self.arrival_ns - self.clock.now_ns()) / NS
        self.clock.advance(min(max(wait_s, 0.0), timeout_s))
        if wait_s > timeout_s:
            return False
        self.left = 2
        return True

    def check_end_of_blocks(self):
        pass

    def read_block(self, text, dtype, framing):
        self.left -= 1
        if not self.left:
            self.through_ns = self.arrival_ns + self.transfers_ns.pop(0)
            self.ends_ns.pop(0), self.latencies_ns.pop(0)
            self.clock.advance(max(0, self.through_ns - self.clock.now_ns()) / NS)
        return np.zeros(10, dtype)


def stream_of(clock, ends_ns, latencies_ns, transfers_ns=()):
    preamble = Preamble(
        dtype="u1", n_points=10, x_increment_s=0.01, scale=Scale(1.0, 0.0), low=0, high=255
    )
    link = Pushing(clock, ends_ns, latencies_ns, transfers_ns)
    row = TEKTRONIX.of(MSO)
    talk = SimpleNamespace(
        link=link, dialect=row, address="here", identity=MSO, preamble=lambda number: preamble
    )
    stream = Stream(talk, InstrumentSettings(address="here"), now_ns=clock.now_ns)
    stream.start()
    return stream


@given(
    latency_ms=st.integers(0, 80),
    dead_ms=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    lags_ms=st.lists(st.integers(0, 300), min_size=20, max_size=20),
    transfers_ms=st.lists(st.integers(0, 300), min_size=20, max_size=20),
    share=st.floats(0.0, 1.0),
)
def test_a_record_began_within_what_is_said_of_it(
    latency_ms, dead_ms, lags_ms, transfers_ms, share
):
    """However slowly the scope works, up to what it did at first, the line is or we look."""
    clock = JumpingClock()
    starts, at = [], clock.now_ns()
    for dead in dead_ms:
        starts.append(at)
        at += (100 + dead) * 1_000_000
    latencies_ms = [latency_ms, *(round(share * latency_ms) for _ in dead_ms[1:])]
    latencies, transfers = (
        [1_000_000 * ms for ms in some] for some in (latencies_ms, transfers_ms)
    )
    stream = stream_of(clock, [begun + 100_000_000 for begun in starts], latencies, transfers)
    for begun, lag in zip(starts, lags_ms, strict=False):
        item = stream.take()
        if not isinstance(item, DroppedRecord):
            assert abs(item.time.ns - begun) <= item.time.uncertainty_ns + 1
        clock.advance(lag / 1e3)


def test_a_record_that_is_awaited_is_known_to_the_latency_of_the_first():
    clock = JumpingClock()
    begun = clock.now_ns()
    stream = stream_of(
        clock, [begun + k * 150_000_000 + 100_000_000 for k in range(5)], [20_000_000] * 5
    )
    uncertainties = [stream.take().time.uncertainty_ns for _ in range(5)]
    assert max(uncertainties) <= (20_000_000 + 2 * 5_000_000) / 2 + 1  # 5 ms a look


def test_a_record_that_waited_for_the_line_is_believed_to_follow_the_one_before():
    clock = JumpingClock()
    starts = [clock.now_ns() + k * 110_000_000 for k in range(5)]
    ends = [begun + 100_000_000 for begun in starts]
    stream = stream_of(clock, ends, [5_000_000] * 5, [0, 0, 120_000_000])
    times = [stream.take().time for _ in range(5)]
    assert times[3].ns == pytest.approx(starts[3], abs=15_000_000)
    assert times[4].ns >= times[3].ns + 100_000_000
    assert times[4].uncertainty_ns <= 10_000_000


def test_records_overlap_by_no_more_than_is_said_of_them_after_a_first_that_came_late():
    clock = JumpingClock()
    starts = [clock.now_ns() + k * 110_000_000 for k in range(5)]
    ends = [begun + 100_000_000 for begun in starts]
    stream = stream_of(clock, ends, [30_000_000, *4 * [0]])
    times = [stream.take().time for _ in range(5)]
    for a, b in pairwise(times):
        assert a.ns + 100_000_000 - b.ns <= b.uncertainty_ns


def test_records_that_wait_too_long_are_dropped_with_a_reason():
    clock = JumpingClock()
    begun = clock.now_ns()
    stream = stream_of(clock, [begun + (k + 1) * 100_000_000 for k in range(9)], [10_000_000] * 9)
    stream.take()
    clock.advance(0.65)
    late = [stream.take() for _ in range(6)]
    assert isinstance(late[0], DroppedRecord)
    assert "waited to be read" in late[0].reason
    assert not isinstance(late[-1], DroppedRecord)
    assert not isinstance(stream.take(), DroppedRecord)


def test_pushing_needs_a_stream_of_bytes():
    link = SimpleNamespace(is_stream=False)
    talk = SimpleNamespace(
        link=link, dialect=TEKTRONIX.of(MSO), address="TCPIP::h::hislip0::INSTR", identity=MSO
    )
    with pytest.raises(InstrumentError, match="TCPIP::HOST::4000::SOCKET"):
        Stream(talk, InstrumentSettings(address="x"), now_ns=time.time_ns).start()


def test_waiting_for_a_block_ends_when_the_source_is_closed():
    with ScriptedInstrument([]) as scope:
        link = VisaLink(scope.visa, 0.3, is_wanted=lambda: False)
        with link, pytest.raises(ConnectionLostError, match="being closed"):
            link.begins_block(1.0)
