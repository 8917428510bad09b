"""The embedded broker is there when it says so, for this machine only, and leaves nothing."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

from monitor.errors import BrokerError, ConfigError
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.client import MarkerClient


def answers(port, host="127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def test_it_accepts_connections_while_it_is_entered():
    with EmbeddedBroker() as broker:
        assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
        assert answers(broker.port)
    assert not answers(broker.port)


def test_it_can_be_entered_by_a_task_and_started_again_on_its_port():
    async def run():
        async with EmbeddedBroker() as first:
            pass
        async with EmbeddedBroker(first.port) as second:
            return second.port == first.port and await asyncio.to_thread(answers, first.port)

    assert asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has more than one loopback address")
def test_it_listens_on_one_loopback_address_only():
    with EmbeddedBroker() as broker:
        assert not answers(broker.port, "127.0.0.2")


def test_a_port_that_is_taken_is_named_with_what_to_do():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        fix = f"port {port} on 127.0.0.1 is in use.*--broker mqtt://127.0.0.1:{port}"
        with pytest.raises(BrokerError, match=fix), EmbeddedBroker(port):
            pass


def test_what_is_no_port_is_refused():
    with pytest.raises(ConfigError, match="expected 0 to 65535, got 70000"):
        EmbeddedBroker(70_000)


def test_without_amqtt_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "amqtt", None)
    said = r"install wattstage\[broker\] or give --broker mqtt://HOST"
    with pytest.raises(BrokerError, match=said), EmbeddedBroker():
        pass


PARENT = """
import sys
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.client import MarkerClient
with EmbeddedBroker() as broker:
    print(broker.port, flush=True)
    sys.stdin.read()
"""


def test_it_ends_when_its_parent_is_killed(eventually):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        port = int(parent.stdout.readline())
        assert answers(port)
        os.kill(parent.pid, signal.SIGKILL)
        eventually(lambda: not answers(port))


def test_rude_clients_are_cut_off_without_a_word_and_others_are_served(capfd):
    with EmbeddedBroker() as broker:
        for rudeness in (
            b"",
            b"\xe0\x00",
            b"\x10\x01\x00",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\xff" * 99,
        ):
            with socket.create_connection(("127.0.0.1", broker.port), timeout=20) as rude:
                rude.sendall(rudeness)
                rude.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    assert rude.recv(100) == b""
        with MarkerClient(broker.url) as client:
            client.point("note")
        assert client.n_sent == 1
    assert capfd.readouterr() == ("", "")
