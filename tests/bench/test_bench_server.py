"""The bench's scope over real sockets."""

import asyncio
import contextlib

import numpy as np
import pytest
import pyvisa
from bench.fakes import WIRING, Counting

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.scope.faults import Fault
from monitor.bench.scope.panel import ScopeSettings
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.infiniivision import InfiniiVision
from monitor.errors import InstrumentError

LIMIT_S = 20.0


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def write(self, message):
        self.writer.write(message.encode() + b"\n")
        await self.writer.drain()

    async def ask(self, message):
        await self.write(message)
        return (await self.reader.readline()).decode().rstrip("\n")

    async def block(self, message=":WAV:DATA?"):
        await self.write(message)
        header = await self.reader.readexactly(10)
        assert header[:2] == b"#8"
        data = await self.reader.readexactly(int(header[2:]) + 1)
        assert data[-1:] == b"\n"
        return data[:-1]

    async def acquire(self):
        assert await self.ask(":WAV:FORM BYTE;SOUR CHAN1;:DIG;*OPC?") == "1"


@contextlib.asynccontextmanager
async def connected(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(**settings):
    loop = asyncio.get_running_loop()
    zero_s = loop.time()
    scope = Scope(
        Counting(),
        WIRING,
        ScopeSettings(dead_time_s=0.0, **settings),
        lambda: round((loop.time() - zero_s) * 1e9),
    )
    scope.autoscale()
    scope.panel.range_s, scope.panel.points = 0.01, 1000
    async with ScopeServer(InfiniiVision(scope)) as server:
        yield server


def over_a_socket(scenario, **settings):
    """Run an async function of a server and a connection."""

    async def run():
        async with (
            asyncio.timeout(LIMIT_S),
            serving(**settings) as server,
            connected(server) as connection,
        ):
            await scenario(server, connection)

    asyncio.run(run())


def test_a_block_arrives_whole_with_line_feeds_in_it():
    async def scenario(server, connection):
        await connection.ask(":CHAN1:RANG 200;OFFS 95;*OPC?")
        await connection.acquire()
        codes = np.frombuffer(await connection.block(), np.uint8)
        assert len(codes) == 1000
        assert 0x0A in codes
        assert await connection.ask("*IDN?")

    over_a_socket(scenario)


def test_connections_share_one_instrument():
    async def scenario(server, connection):
        async with connected(server) as other:
            await connection.ask(":CHAN3:OFFS 2;*OPC?")
            assert float(await other.ask(":CHAN3:OFFS?")) == 2.0
            await connection.ask(":NONSENSE;*OPC?")
            assert (await other.ask(":SYST:ERR?")).startswith("-113")
            assert (await connection.ask(":SYST:ERR?")).startswith("+0")

    over_a_socket(scenario)


def test_a_compound_query_is_answered_in_one_line():
    async def scenario(server, connection):
        assert await connection.ask("*OPC?;:WAV:FORM?;POIN:MODE?") == "1;BYTE;NORM"

    over_a_socket(scenario)


def test_gap_free_records_follow_each_other_on_the_wire():
    async def scenario(server, connection):
        parts = []
        for _ in range(5):
            await connection.acquire()
            low = np.frombuffer(await connection.block(), np.uint8)
            preamble = (await connection.ask(":WAV:PRE?")).split(",")
            increment, origin, reference = map(float, preamble[7:])
            parts.append((low - reference) * increment + origin)
        values = np.rint(np.concatenate(parts)).astype(int)
        np.testing.assert_array_equal(values, (values[0] + np.arange(5000)) % 100)

    over_a_socket(scenario, gap_free=True)


def test_a_dropped_connection_ends_in_the_middle_of_a_block():
    async def scenario(server, connection):
        await connection.acquire()
        server.faults.inject(Fault.CLOSE_MID_BLOCK)
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await connection.block()
        assert 0 < len(caught.value.partial) < 1000
        async with connected(server) as again:
            assert len(await again.block()) == 1000

    over_a_socket(scenario)


def test_a_short_block_keeps_less_than_its_header_promised():
    async def scenario(server, connection):
        await connection.acquire()
        server.faults.inject(Fault.SHORT_BLOCK)
        await connection.write(":WAV:DATA?")
        assert await connection.reader.readexactly(10) == b"#800001000"
        await connection.reader.readexactly(991)
        assert await connection.ask("*OPC?") == "1"

    over_a_socket(scenario)


def test_a_wrong_length_leaves_bytes_behind():
    async def scenario(server, connection):
        await connection.acquire()
        server.faults.inject(Fault.WRONG_LENGTH)
        await connection.write(":WAV:DATA?")
        assert await connection.reader.readexactly(10) == b"#800000990"
        await connection.reader.readexactly(1001)

    over_a_socket(scenario)


def test_a_missing_line_feed_joins_two_replies():
    async def scenario(server, connection):
        server.faults.inject(Fault.NO_LF)
        await connection.write("*OPC?")
        assert await connection.ask("*OPC?") == "11"

    over_a_socket(scenario)


def test_silence_skips_exactly_as_many_replies_as_were_injected():
    async def scenario(server, connection):
        server.faults.inject(Fault.SILENCE, times=2)
        await connection.write("*OPC?")
        await connection.write("*OPC?")
        assert await connection.ask(":WAV:FORM?") == "BYTE"

    over_a_socket(scenario)


def test_a_stale_reply_comes_ahead_of_the_one_that_was_asked_for():
    async def scenario(server, connection):
        assert await connection.ask(":WAV:FORM?") == "BYTE"
        server.faults.inject("stale-reply")
        assert await connection.ask("*OPC?") == "BYTE"
        assert await connection.ask(":WAV:BYT?") == "1"

    over_a_socket(scenario)


def test_a_reset_strikes_in_mid_record_and_the_scope_comes_back_having_forgotten():
    async def scenario(server, connection):
        await connection.acquire()
        server.faults.inject(Fault.RESET)
        assert await connection.ask("*OPC?") == "1"  # no record is being taken
        await connection.write(":TIM:RANG 100;:SING")
        with contextlib.suppress(ConnectionResetError):
            assert await connection.ask(":OPER:COND?") == ""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        while True:
            with contextlib.suppress(ConnectionError):
                async with connected(server) as again:
                    await again.write(":WAV:DATA?")
                    assert (await again.ask(":SYST:ERR?")).startswith("-230")
                    return
            await asyncio.sleep(0.05)

    over_a_socket(scenario)


def test_a_slow_link_trickles_and_loses_nothing():
    async def scenario(server, connection):
        await connection.acquire()
        whole = await connection.block()
        server.faults.inject(Fault.SLOW_LINK)
        await connection.write(":WAV:DATA?")
        pieces = [await connection.reader.read(4096)]
        assert len(pieces[0]) < 1011
        while sum(map(len, pieces)) < 1011:
            pieces.append(await connection.reader.read(4096))
        assert b"".join(pieces)[10:-1] == whole

    over_a_socket(scenario)


def test_cleared_faults_do_not_strike():
    async def scenario(server, connection):
        for fault in Fault:
            server.faults.inject(fault)
        server.faults.clear()
        await connection.acquire()
        assert len(await connection.block()) == 1000

    over_a_socket(scenario)


def test_a_power_cycle_closes_connections_and_comes_back_on_the_same_port():
    async def scenario(server, connection):
        await connection.acquire()
        port = server.port
        await server.stop()
        assert await connection.reader.read() == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
        await server.start()
        assert server.port == port
        async with connected(server) as again:
            await again.write(":WAV:DATA?")
            assert (await again.ask(":SYST:ERR?")).startswith("-230")
            await again.acquire()
            assert len(await again.block()) == 1000

    over_a_socket(scenario)


def test_a_message_without_an_end_is_hung_up_on():
    async def scenario(server, connection):
        with contextlib.suppress(ConnectionError):
            await connection.write("x" * 300_000)
            await connection.reader.read()
        async with connected(server) as again:
            assert await again.ask("*OPC?") == "1"

    over_a_socket(scenario)


def test_a_taken_port_is_one_sentence():
    async def scenario(server, connection):
        with pytest.raises(InstrumentError, match=f"port {server.port}.*--port"):
            await ScopeServer(server._instrument, port=server.port).start()

    over_a_socket(scenario)


def test_pyvisa_reads_the_power_of_the_workload():
    def measure(visa):
        with contextlib.ExitStack() as stack:
            manager = pyvisa.ResourceManager("@py")
            stack.callback(manager.close)
            scope = manager.open_resource(visa, timeout=10_000)
            stack.callback(scope.close)
            scope.read_termination = scope.write_termination = "\n"
            scope.write(":TIM:RANG 0.2;:WAV:POIN 20000;FORM WORD;BYT LSBF;:DIG;*OPC?")
            assert scope.read() == "1"
            signals = []
            for channel in (1, 2):
                fields = scope.query(f":WAV:SOUR CHAN{channel};PRE?").split(",")
                codes = scope.query_binary_values(":WAV:DATA?", "H", container=np.array)
                increment, origin, reference = map(float, fields[7:])
                signals.append((codes - reference) * increment + origin)
            return np.mean(signals[0] * signals[1])

    async def run():
        async with asyncio.timeout(LIMIT_S), Lab(BenchSettings()) as lab:
            idle_w = await asyncio.to_thread(measure, lab.visa)
            assert idle_w == pytest.approx(lab.workload.energy_j(0.0, 0.2) / 0.2, rel=0.01)

    asyncio.run(run())
