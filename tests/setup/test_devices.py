"""What is found, asked, told and given up."""

import asyncio
import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import usb.core
import zeroconf
from main_job.lab import bench, said

from monitor.errors import ConnectionLostError
from monitor.setup import announced, broadcast, plugged
from monitor.setup.candidate import Candidate, Note
from monitor.setup.device import Device, Progress
from monitor.setup.devices import find

KEYSIGHT = "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,MY1,07.50"


def at(address, *, key="one", host="10.0.0.7", rank=0):
    return Candidate(key=key, address=address, host=host, found_by="mDNS", rank=rank)


def searches(*candidates):
    def search(found, stopped):
        for candidate in candidates:
            found(candidate)

    return {"mDNS": search}


def found(ask, *candidates, addresses=(), deadline_s=20.0, **more):
    """Return all events of a search, and the devices as they stand at its end."""

    async def run():
        events = find(
            addresses, deadline_s=deadline_s, searches=searches(*candidates) | more, ask=ask
        )
        async with contextlib.aclosing(events):
            return [event async for event in events]

    events = asyncio.run(run())
    devices = {e.address: e for e in events if isinstance(e, Device)}
    return events, list(devices.values())


def test_an_instrument_is_asked_at_its_best_address_and_the_others_are_told():
    asked = []

    def ask(address):
        asked.append(address)
        return KEYSIGHT

    _, (device,) = found(
        ask,
        at("TCPIP::10.0.0.7::5025::SOCKET", rank=1),
        at("TCPIP::10.0.0.7::inst0::INSTR", rank=2),
        at("TCPIP::10.0.0.7::hislip0::INSTR", rank=0),
    )
    assert asked == ["TCPIP::10.0.0.7::hislip0::INSTR"]
    assert device.address == asked[0]
    assert set(device.also) == {"TCPIP::10.0.0.7::5025::SOCKET", "TCPIP::10.0.0.7::inst0::INSTR"}
    assert (device.kind, device.dialect) == ("scope", "keysight")


def test_places_that_were_only_worth_a_try_are_not_told():
    web = announced.candidates("_lxi._tcp.local.", "x", ["10.0.0.7"], 80, {})
    raw = announced.candidates("_scpi-raw._tcp.local.", "x", ["10.0.0.7"], 5025, {})
    _, (device,) = found(lambda address: KEYSIGHT, *web, *raw)
    assert (device.address, device.also) == ("TCPIP::10.0.0.7::5025::SOCKET", ())


def test_where_the_best_address_is_dead_the_next_is_asked():
    def ask(address):
        if "hislip" in address:
            raise ConnectionLostError("nobody; look")
        return KEYSIGHT

    _, (device,) = found(
        ask, at("TCPIP::10.0.0.7::hislip0::INSTR"), at("TCPIP::10.0.0.7::5025::SOCKET", rank=1)
    )
    assert device.address == "TCPIP::10.0.0.7::5025::SOCKET"


def test_the_same_instrument_found_by_two_searches_is_one():
    _, (device,) = found(
        lambda address: KEYSIGHT,
        at("TCPIP::10.0.0.7::hislip0::INSTR"),
        at("TCPIP::10.0.0.7::inst0::INSTR", key="vxi11 10.0.0.7"),
    )
    assert {device.address, *device.also} == {
        "TCPIP::10.0.0.7::hislip0::INSTR",
        "TCPIP::10.0.0.7::inst0::INSTR",
    }


def test_two_instruments_of_one_host_and_name_stay_two():
    _, devices = found(
        lambda address: KEYSIGHT,
        at("TCPIP::10.0.0.7::5025::SOCKET"),
        at("TCPIP::10.0.0.7::5026::SOCKET", key="other"),
    )
    assert len(devices) == 2


def test_one_that_hangs_delays_no_other_and_is_told_at_the_deadline():
    hang = threading.Event()

    def ask(address):
        if "9.9.9.9" in address:
            hang.wait()
        return KEYSIGHT

    try:
        events, devices = found(
            ask,
            at("TCPIP::9.9.9.9::5025::SOCKET", key="dead", host="9.9.9.9"),
            at("TCPIP::10.0.0.7::5025::SOCKET"),
            deadline_s=1.0,
        )
    finally:
        hang.set()
    alive, dead = devices
    assert alive.kind == "scope"
    assert (dead.kind, dead.problem) == ("silent", "no answer in time")
    assert isinstance(events[-1], Progress)


def test_a_search_that_hangs_or_fails_is_no_end_of_the_others():
    hang = threading.Event()

    def fails(found, stopped):
        raise RuntimeError("no radio")

    try:
        events, devices = found(
            lambda address: KEYSIGHT,
            at("TCPIP::10.0.0.7::5025::SOCKET"),
            deadline_s=1.0,
            USB=lambda found, stopped: hang.wait(),
            serial=fails,
        )
    finally:
        hang.set()
    assert [device.kind for device in devices] == ["scope"]
    assert Note("serial", "serial could not be searched: no radio") in events


def test_leaving_early_tells_the_searches_to_end():
    was_stopped = threading.Event()

    def search(found, stopped):
        if stopped.wait(20.0):
            was_stopped.set()

    async def run():
        async with contextlib.aclosing(find(searches={"mDNS": search})) as events:
            async for _ in events:
                break

    asyncio.run(run())
    assert was_stopped.wait(20.0)


def test_what_answers_but_is_no_scope_is_told_with_what_it_is_for():
    def ask(address):
        return "YOKOGAWA,WT310,C1,F1.03" if "7" in address else "ACME,TOASTER,1,1"

    _, devices = found(
        ask, addresses=["TCPIP::10.0.0.7::5025::SOCKET", "TCPIP::10.0.0.8::5025::SOCKET"]
    )
    kinds = {device.kind: device for device in devices}
    assert "--meter yokogawa-wt=TCPIP::10.0.0.7::5025::SOCKET" in kinds["meter"].fix
    assert kinds["unknown"].name == "ACME, TOASTER"


@pytest.mark.parametrize(
    ("kind", "port", "addresses"),
    [
        ("_hislip._tcp.local.", 4880, ["TCPIP::10.0.0.7::hislip0::INSTR"]),
        ("_hislip._tcp.local.", 4881, ["TCPIP::10.0.0.7::hislip0,4881::INSTR"]),
        ("_scpi-raw._tcp.local.", 5555, ["TCPIP::10.0.0.7::5555::SOCKET"]),
        ("_vxi-11._tcp.local.", 111, ["TCPIP::10.0.0.7::inst0::INSTR"]),
        ("_vxi-11._tcp.local.", 1024, ["TCPIP::10.0.0.7,1024::inst0::INSTR"]),
        (
            "_lxi._tcp.local.",
            80,
            [
                "TCPIP::10.0.0.7::inst0::INSTR",
                "TCPIP::10.0.0.7::5025::SOCKET",
                "VICP::10.0.0.7::INSTR",
            ],
        ),
        ("_vicp._tcp.local.", 1861, ["VICP::10.0.0.7::INSTR"]),
        ("_http._tcp.local.", 80, []),
    ],
)
def test_an_announced_service_becomes_an_address(kind, port, addresses):
    made = announced.candidates(kind, "scope", ["10.0.0.7", "::1", "evil::1"], port, {})
    assert [candidate.address for candidate in made] == addresses


def test_a_plug_that_announces_its_web_page_is_no_instrument():
    made = announced.candidates("_http._tcp.local.", "shellyplug-s-1", ["10.0.0.9"], 80, {})
    _, (device,) = found(lambda address: pytest.fail("it was asked"), *made)
    assert (device.kind, device.address) == ("plug", "http://10.0.0.9")
    assert "--meter plug=mqtt:" in device.fix


def test_an_instrument_announced_on_loopback_is_found():
    net = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    info = zeroconf.ServiceInfo(
        "_scpi-raw._tcp.local.",
        "wattstage test scope._scpi-raw._tcp.local.",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=5099,
        properties={"Manufacturer": "ACME", "Model": "Scope"},
        server="wattstage-test.local.",
    )
    seen = threading.Event()
    candidates = []

    def take(candidate):
        candidates.append(candidate)
        if isinstance(candidate, Candidate) and candidate.address.endswith("::5099::SOCKET"):
            seen.set()

    with contextlib.closing(net):
        net.register_service(info, cooperating_responders=True)
        announced.search_mdns(take, seen)
    assert seen.is_set()
    mine = next(c for c in candidates if c.address.endswith("::5099::SOCKET"))
    assert mine.name == "ACME Scope"


def test_who_answers_the_broadcast_with_a_port_is_found():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as portmapper:
        portmapper.bind(("127.0.0.1", 0))

        def answer():
            question, peer = portmapper.recvfrom(512)
            xid = struct.unpack(">I", question[:4])[0]
            for port in (b"junk", struct.pack(">7I", xid, 1, 0, 0, 0, 0, 0)):
                portmapper.sendto(port, peer)
            portmapper.sendto(struct.pack(">7I", xid, 1, 0, 0, 0, 0, 1024), peer)

        thread = threading.Thread(target=answer)
        thread.start()
        stopped = threading.Event()
        port = portmapper.getsockname()[1]
        hosts = []
        for host in broadcast.answering(stopped, ["127.0.0.1"], port):
            hosts.append(host)
            stopped.set()
        thread.join()
    assert hosts == ["127.0.0.1"]


def interface(*classes):
    return [[SimpleNamespace(bInterfaceClass=a, bInterfaceSubClass=b) for a, b in classes]]


class Usb(list):
    """What pyusb gives: configurations of interfaces, and texts that may not be readable."""

    idVendor, idProduct, bus, address = 0x0957, 0x17A6, 1, 7  # noqa: N815

    @property
    def serial_number(self):
        return "MY1"

    manufacturer, product = "KEYSIGHT", "DSO-X 3024T"


def test_a_usb_instrument_becomes_an_address():
    device = Usb(interface((3, 0), (0xFE, 3)))
    assert plugged.is_test_instrument(device)
    assert not plugged.is_test_instrument(Usb(interface((8, 6))))
    candidate = plugged.usb_candidate(device, lambda path: True)
    assert candidate.address == "USB0::0x0957::0x17a6::MY1::0::INSTR"
    assert candidate.is_askable


def test_a_usb_instrument_without_permission_comes_with_its_rule():
    class Locked(Usb):
        @property
        def serial_number(self):
            raise usb.core.USBError("Access denied")

    candidate = plugged.usb_candidate(Locked(interface((0xFE, 3))), lambda path: False)
    assert not candidate.is_askable
    assert candidate.problem == "this user may not open /dev/bus/usb/001/007"
    assert 'ATTR{idVendor}=="0957"' in candidate.fix
    assert "udevadm control --reload" in candidate.fix


def test_a_serial_port_without_permission_comes_with_its_command():
    port = SimpleNamespace(
        device="/dev/null", vid=0x0483, pid=0x5740, manufacturer=None, product=None
    )
    candidate = plugged.serial_candidate(port, lambda path: False)
    assert "PMD-USB" in candidate.name
    assert candidate.fix.startswith("sudo usermod -aG ")
    assert plugged.serial_candidate(port, lambda path: True).problem == ""


def test_the_command_tells_programs_line_by_line():
    with bench() as visa:
        lines = said("devices", visa, "--json", "--seconds", "0.8").splitlines()
    events = [json.loads(line) for line in lines]
    scope = next(e for e in events if e["event"] == "device" and e["address"] == visa)
    assert (scope["kind"], scope["dialect"], scope["found_by"]) == ("scope", "keysight", "you")
    assert events[-1]["event"] == "end"
    assert {e["event"] for e in events} <= {"device", "progress", "note", "end"}


def test_the_command_tells_people_what_to_do_next():
    with bench() as visa:
        text = said("devices", visa, "TCPIP::127.0.0.1::1::SOCKET", "[red]", "--seconds", "0.8")
    assert f"wattstage setup --address {visa}" in text
    assert "connection refused" in text
    assert "[red]" in text


def test_ctrl_c_ends_the_search():
    command = [sys.executable, "-m", "monitor.cli", "devices", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline()
        process.terminate()
        assert process.wait(20.0) != 0
