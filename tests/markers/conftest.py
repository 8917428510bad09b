"""A broker of our own, and somebody who hears all that is said there."""

import json
import threading
import time
from urllib.parse import urlsplit

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client

from monitor.markers.broker import EmbeddedBroker

LIMIT_S = 20.0


class Listener:
    """Keeps every message under a prefix, as it came."""

    def __init__(self, url, prefix):
        self.messages = []
        self._prefix = prefix
        self._change = threading.Condition()
        self._subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"listener-{prefix}")
        self._client.on_connect = lambda *_: self._client.subscribe(f"{prefix}/+/+/marker", qos=1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        parts = urlsplit(url)
        self._client.connect(parts.hostname, parts.port)

    def __enter__(self):
        self._client.loop_start()
        self._wait(lambda: self._subscribed)
        return self

    def __exit__(self, *exception):
        self._client.disconnect()
        self._client.loop_stop()

    def markers(self, n):
        """Return the first n as objects, when they have come."""
        self._wait(lambda: len(self.messages) >= n)
        return [json.loads(payload) for _, payload in self.messages[:n]]

    def _wait(self, true):
        with self._change:
            assert self._change.wait_for(true, LIMIT_S), f"it never came; {len(self.messages)} did"

    def _on_subscribe(self, *_):
        with self._change:
            self._subscribed = True
            self._change.notify_all()

    def _on_message(self, _client, _userdata, message):
        with self._change:
            self.messages.append((message.topic, message.payload))
            self._change.notify_all()


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def listener(broker, prefix):
    with Listener(broker.url, prefix) as running:
        yield running


@pytest.fixture
def prefix(request):
    """First level of the topics of this test alone."""
    return f"t{abs(hash(request.node.nodeid))}"


@pytest.fixture
def eventually():
    """Wait until something is true."""

    def wait(true):
        deadline = time.monotonic() + LIMIT_S
        while not true():
            assert time.monotonic() < deadline, "it never came"
            time.sleep(0.01)

    return wait
