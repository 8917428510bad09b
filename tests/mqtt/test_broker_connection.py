"""Connections to a broker, as everything here makes them."""

import asyncio
import socket

import pytest

from monitor.markers import client as markers
from monitor.markers.broker import EmbeddedBroker
from monitor.mqtt.address import parse
from monitor.mqtt.connection import connected


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
