"""A link reads text and blocks whole over every transport, from the bench through PyVISA."""

import asyncio
import contextlib
import socket
import threading
import time

import numpy as np
import pytest

from monitor.bench.scope.faults import Fault
from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.choice import TRANSPORTS
from monitor.bench.transports.server import ScopeServer
from monitor.errors import ConnectionLostError, InstrumentError
from monitor.sources.visa import VisaLink

# Line feeds in threes, and ends on which a message may be cut: of 64 KB, of 1 MB, and around.
BLOCK = np.tile(np.array([0x0A0A, 0x0A00, 0x000A, 0x2323, 0xFFFF], "<u2"), 130_000)


class Waveless:
    limits = ((0.0, 1.0), (0.0, 1.0))

    def sample(self, start, n, rate_hz):
        return np.zeros(n), np.zeros(n)


class Teller:
    """An instrument with a block of which every byte is known."""

    def __init__(self):
        wiring = (Wiring(0, 1.0), *(Wiring(None, 1.0),) * 3)
        self.scope = Scope(Waveless(), wiring, ScopeSettings(), lambda: 0)
        self.heard = []

    async def execute(self, message):
        self.heard.append(message)
        command, _, argument = message.partition(" ")
        match command:
            case "*IDN?":
                return ["BENCH,TELLER,1,1"]
            case "*STB?":
                return ["4"]
            case "DATA?":
                data = BLOCK.tobytes()[: int(argument)]
                return [b"#9%09d" % len(data) + data]
            case "ARM":
                self.scope.single()
            case "PUSH?":
                return [self._push()]
        return []

    async def _push(self):
        for k in range(1_000_000):
            yield b"#14" + k.to_bytes(4, "little")
            await asyncio.sleep(0.001)

    def power_cycle(self):
        self.heard.clear()
        self.scope.power_cycle()


@pytest.fixture(params=TRANSPORTS)
def bench(request):
    """A server that runs in a thread of its own, as the instrument it stands for would."""
    loop = asyncio.new_event_loop()
    server = ScopeServer(Teller(), transport=request.param)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def wait_until_it_listens(bench):
    # With a socket: PyVISA-py leaves its own open where it is refused.
    while True:
        with (
            contextlib.suppress(ConnectionError),
            socket.create_connection((bench.host, bench.port)),
        ):
            return
        time.sleep(0.05)


@pytest.mark.parametrize("n_bytes", [0, 2, 1010, 1012, 1024, 65_536, 131_072, 1 << 20, 1_300_000])
def test_blocks_of_any_length_and_the_text_after_them_arrive_whole(bench, n_bytes):
    with VisaLink(bench.visa, 5.0) as link:
        for _ in range(2):
            codes = link.query_block(f"DATA? {n_bytes}", "<u2")
            np.testing.assert_array_equal(codes, BLOCK[: n_bytes // 2])
            assert link.query("*IDN?") == "BENCH,TELLER,1,1"


def test_a_long_command_arrives_whole(bench):
    command = "LONG " + "x" * 20_000
    with VisaLink(bench.visa, 5.0) as link:
        link.write(command)
        link.query("*IDN?")
    assert command in bench._instrument.heard


def test_two_links_share_one_instrument(bench):
    with VisaLink(bench.visa, 5.0) as one, VisaLink(bench.visa, 5.0) as other:
        one.write("DATA? 100000")
        assert other.query("*IDN?") == "BENCH,TELLER,1,1"
        assert len(one.read_block("DATA? 100000", "<u2")) == 50_000


def test_what_is_pushed_is_read_as_it_comes(bench):
    if "hislip" in bench.visa:
        pytest.skip("PyVISA-py's HiSLIP client reads one reply to a message and no more")
    with VisaLink(bench.visa, 5.0) as link:
        link.write("PUSH?")
        told = [link.read_block("PUSH?", "<u4")[0] for _ in range(20)]
    assert told == list(range(20))


def test_silence_lasts_no_longer_than_the_timeout(bench):
    bench.faults.inject(Fault.SILENCE)
    with VisaLink(bench.visa, 0.2) as link, pytest.raises(ConnectionLostError, match="no answer"):
        link.query("*IDN?")


def test_a_connection_that_ends_in_a_block_is_lost(bench):
    bench.faults.inject(Fault.CLOSE_MID_BLOCK)
    with VisaLink(bench.visa, 0.5) as link, pytest.raises(ConnectionLostError):
        link.query_block("DATA? 1300000", "<u2")
    with VisaLink(bench.visa, 5.0) as link:
        assert len(link.query_block("DATA? 1300000", "<u2")) == 650_000


@pytest.mark.parametrize("fault", [Fault.SHORT_BLOCK, Fault.WRONG_LENGTH])
def test_a_block_of_another_length_than_announced_is_refused(bench, fault):
    bench.faults.inject(fault)
    with VisaLink(bench.visa, 0.5) as link, pytest.raises(InstrumentError):
        link.query_block("DATA? 100006", "<u2")


def test_a_power_failure_is_noticed_and_a_new_link_works_when_it_is_over(bench):
    with VisaLink(bench.visa, 5.0) as link:
        link.write("ARM")
        bench.faults.inject(Fault.RESET)
        with pytest.raises(ConnectionLostError) as caught:
            link.query("*IDN?")
    assert "no answer in time" not in str(caught.value)
    wait_until_it_listens(bench)
    with VisaLink(bench.visa, 5.0) as link:
        assert link.query("*IDN?") == "BENCH,TELLER,1,1"


def test_a_slow_link_is_no_silence(bench):
    bench.faults.inject(Fault.SLOW_LINK)
    with VisaLink(bench.visa, 0.5) as link:
        assert len(link.query_block("DATA? 50000", "<u2")) == 25_000
