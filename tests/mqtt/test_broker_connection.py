"""Connections to a broker, as everything here makes them."""

import asyncio
import contextlib
import socket

import aiomqtt
import pytest

from monitor.markers import client as markers
from monitor.markers.broker import EmbeddedBroker
from monitor.mqtt import connection
from monitor.mqtt.address import parse
from monitor.mqtt.connection import connected, subscribe


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running.url


def is_sent_at_once(mqtt):
    return mqtt.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_small_message_waits_for_nothing(broker):
    async def connect():
        async with connected(parse(broker), identifier="t", max_waiting=1) as client:
            return is_sent_at_once(client._client)

    assert asyncio.run(connect())


def test_nor_does_a_marker(broker, monkeypatch):
    opened = []
    wanted = markers._send_at_once

    def send_at_once(client, userdata, link):
        wanted(client, userdata, link)
        opened.append(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(markers, "_send_at_once", send_at_once)
    with markers.MarkerClient(broker) as client:
        client.mark("note")
    assert opened
    assert all(opened)


async def answering_the(nth, asked):
    """Serve MQTT 3.1.1 as a broker that answers one SUBSCRIBE, and no other."""

    async def serve(reader, writer):
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head, length = await reader.readexactly(2)
                packet = await reader.readexactly(length)
                if head == 0x10:
                    writer.write(bytes([0x20, 2, 0, 0]))
                elif head == 0x82:
                    asked.append(packet)
                    if len(asked) == nth:
                        writer.write(bytes([0x90, 3, *packet[:2], 1]))

    return await asyncio.start_server(serve, "127.0.0.1", 0)


@pytest.mark.parametrize(("nth", "works"), [(1, True), (2, True), (3, False)])
def test_a_subscription_without_an_answer_is_asked_for_once_more(monkeypatch, nth, works):
    monkeypatch.setattr(connection, "_ANSWER_S", 0.3)
    asked = []

    async def run():
        async with await answering_the(nth, asked) as server:
            url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with connected(parse(url), identifier="t", max_waiting=1) as client:
                expected = contextlib.nullcontext() if works else pytest.raises(aiomqtt.MqttError)
                with expected:
                    await subscribe(client, "a/#")

    asyncio.run(run())
    assert len(asked) == min(nth, 2)
