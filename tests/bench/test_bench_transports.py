"""What the transports do besides carrying messages, by PyVISA-py's clients and by hand."""

import asyncio
import contextlib
import struct

import pytest
import pyvisa
from bench.fakes import Clock, counting_scope

from monitor.bench.lab import BenchSettings
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.infiniivision import InfiniiVision
from monitor.errors import ConfigError, InstrumentError

LIMIT_S = 20.0


@contextlib.contextmanager
def resource(visa):
    manager = pyvisa.ResourceManager("@py")
    try:
        with manager.open_resource(visa, timeout=5000, write_termination="\n") as opened:
            yield opened
    finally:
        manager.close()


def serving(transport, work):
    """Run an async function of a server of an InfiniiVision whose clock stands still."""

    async def main():
        scope = counting_scope(Clock())
        async with (
            asyncio.timeout(LIMIT_S),
            ScopeServer(InfiniiVision(scope), transport=transport) as server,
        ):
            await work(server)

    asyncio.run(main())


def in_a_thread(transport, work):
    """Run a blocking function of a server and a PyVISA resource."""

    async def run(server):
        def blocking():
            with resource(server.visa) as opened:
                work(server, opened)

        await asyncio.to_thread(blocking)

    serving(transport, run)


def test_a_hislip_client_may_ask_for_small_messages():
    def work(server, scope):
        scope.set_visa_attribute(pyvisa.constants.ResourceAttribute.tcpip_hislip_max_message_kb, 1)
        assert len(scope.query(":WAV:PRE?;*IDN?;*IDN?" + ";*IDN?" * 40)) > 2000

    in_a_thread("hislip", work)


@pytest.mark.parametrize("transport", ["hislip", "vxi11"])
def test_a_device_clear_ends_what_is_under_way(transport):
    def work(server, scope):
        scope.write(":DIG;*OPC?")  # holds the instrument up: the clock stands still
        scope.clear()
        assert scope.query("*STB?").strip() == "+0"

    in_a_thread(transport, work)


@pytest.mark.parametrize("transport", ["hislip", "vxi11"])
def test_the_status_byte_is_read_beside_the_messages(transport):
    def work(server, scope):
        assert scope.read_stb() == 0
        scope.write(":NONSENSE")
        assert scope.query("*IDN?").startswith("KEYSIGHT")
        assert scope.read_stb() == 4

    in_a_thread(transport, work)


def hislip(kind, control=0, parameter=0, payload=b""):
    return struct.pack("!2sBBIQ", b"HS", kind, control, parameter, len(payload)) + payload


def rpc(procedure, arguments=b"", program=0x0607AF):
    record = struct.pack("!10I", 7, 0, 2, program, 1, procedure, 0, 0, 0, 0) + arguments
    return struct.pack("!I", len(record) | 1 << 31) + record


@pytest.mark.parametrize(
    ("transport", "sent", "told"),
    [
        ("hislip", b"GET / HTTP/1.1\r\n\r\n", b"poorly formed message header"),
        ("hislip", hislip(17, parameter=77), b"invalid initialization sequence"),
        ("hislip", hislip(7, payload=b"*IDN?"), b"invalid initialization sequence"),
        ("hislip", hislip(0) + hislip(7, payload=b"*IDN?"), b"no asynchronous channel"),
        ("hislip", hislip(0, payload=bytes(8))[:-2], b""),
        ("hislip", struct.pack("!2sBBIQ", b"HS", 0, 0, 0, 1 << 40), b"poorly formed"),
        ("vxi11", b"\xff\xff\xff\xff", b""),
        ("vxi11", struct.pack("!I", 4 | 1 << 31) + b"abcd", b""),
        ("vxi11", rpc(10, program=100_000), struct.pack("!6I", 7, 1, 0, 0, 0, 1)),
        ("vxi11", rpc(99), struct.pack("!6I", 7, 1, 0, 0, 0, 3)),
        ("vxi11", rpc(12, bytes(24)), struct.pack("!7I", 7, 1, 0, 0, 0, 0, 4)),
        ("vicp", b"\x81\x09\x01\x00\x00\x00\x00\x05*IDN?", b""),
        ("vicp", b"\x81\x01\x01\x00\xff\xff\xff\xff", b""),
        ("socket", b"x" * 200_000, b""),
    ],
)
def test_what_is_not_of_the_protocol_harms_nobody_else(transport, sent, told):
    async def work(server):
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(sent)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            reply = await reader.read()
            assert told in reply
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

        def ask():
            with resource(server.visa) as scope:
                scope.read_termination = "\n"
                assert scope.query("*IDN?").startswith("KEYSIGHT")

        await asyncio.to_thread(ask)

    serving(transport, work)


def test_a_second_vicp_scope_takes_another_address_for_its_port_is_fixed():
    async def work(server):
        async with ScopeServer(InfiniiVision(counting_scope(Clock())), transport="vicp") as other:
            assert other.port == server.port == 1861
            assert other.host != server.host
            assert other.visa == f"VICP::{other.host}::INSTR"
            await other._switch_off()
            async with ScopeServer(
                InfiniiVision(counting_scope(Clock())), transport="vicp"
            ) as third:
                assert third.host not in {server.host, other.host}  # the other may come back

    serving("vicp", work)


def test_a_taken_port_is_told_on_every_transport():
    async def work(server):
        scope = InfiniiVision(counting_scope(Clock()))
        with pytest.raises(InstrumentError, match=f"port {server.port}.*--port"):
            await ScopeServer(scope, transport="vxi11", port=server.port).start()

    serving("hislip", work)


def test_a_transport_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ConfigError, match=r"'gpib'.*hislip, socket, vicp, vxi11"):
        BenchSettings(transport="gpib")
