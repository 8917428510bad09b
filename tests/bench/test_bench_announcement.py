"""The bench tells by mDNS where it is."""

import asyncio

import pytest
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from monitor.bench.announcement import services_of
from monitor.bench.lab import BenchSettings, Lab

LIMIT_S = 20.0


def test_each_transport_has_its_service_and_every_instrument_is_an_lxi_device():
    kinds = {
        transport: [service.type for service in services_of("A,B,C,D", transport, "127.0.0.1", 9)]
        for transport in ("socket", "hislip", "vxi11", "vicp")
    }
    assert kinds == {
        "socket": ["_scpi-raw._tcp.local.", "_lxi._tcp.local."],
        "hislip": ["_hislip._tcp.local.", "_lxi._tcp.local."],
        "vxi11": ["_vxi-11._tcp.local.", "_lxi._tcp.local."],
        "vicp": ["_lxi._tcp.local."],
    }


@pytest.mark.parametrize("identity", ["", "A", "*IDN LECROY,HDO4104,LCRY1,9.8.0"])
def test_what_the_instrument_says_of_itself_is_announced(identity):
    service = services_of(identity, "socket", "127.0.0.1", 5025)[0]
    assert service.port == 5025
    assert service.parsed_addresses() == ["127.0.0.1"]
    if "LECROY" in identity:
        assert service.properties[b"Manufacturer"] == b"LECROY"
        assert service.properties[b"Model"] == b"HDO4104"


def test_the_bench_is_found_on_loopback_while_it_runs():
    async def look_up():
        async with asyncio.timeout(LIMIT_S), Lab(BenchSettings(announce=True)) as lab:
            (identity,) = await lab.instrument.execute("*IDN?")
            wanted = services_of(identity, "socket", lab.server.host, lab.server.port)[0]
            net = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
            try:
                found = AsyncServiceInfo(wanted.type, wanted.name)
                assert await found.async_request(net.zeroconf, 5000)
            finally:
                await net.async_close()
            assert (found.port, found.parsed_addresses()) == (lab.server.port, ["127.0.0.1"])
            assert found.properties[b"Manufacturer"].startswith(b"KEYSIGHT")

    asyncio.run(look_up())
