"""A connection to a broker that is closed whatever happens, and a subscription that is checked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import aiomqtt
from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from monitor.errors import BrokerError
from monitor.mqtt import tls
from monitor.mqtt.address import Address
from monitor.mqtt.diagnosis import check

_ANSWER_S = 5.0
_KEEPALIVE_S = 15
# A small message waits for the acknowledgement of the one before otherwise, some 40 ms.
_AT_ONCE = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_REFUSED = 0x80  # MQTT 3.1.1, 3.9.3: the lowest return code of SUBACK that is a failure


@contextlib.asynccontextmanager
async def connected(
    where: Address, *, identifier: str, max_waiting: int
) -> AsyncIterator[aiomqtt.Client]:
    """Yield a connected client.

    Parameters
    ----------
    where
        The broker.
    identifier
        Of the client; keep it for as long as the process runs, because amqtt keeps a session for
        every identifier that it has ever seen.
    max_waiting
        Messages that may wait for who iterates over them; more are dropped.

    Raises
    ------
    BrokerError
        If no connection can be had: why, and what to do.
    ConfigError
        If a certificate or key of ours cannot be used.
    """
    # Where this says what is wrong, paho-mqtt says little, or nothing, or leaves a socket open.
    await asyncio.to_thread(check, where, identifier)
    context = await asyncio.to_thread(tls.context, where) if where.tls else None
    client = aiomqtt.Client(
        where.host,
        where.port,
        username=where.user,
        password=where.password,
        tls_context=context,
        identifier=identifier,
        keepalive=_KEEPALIVE_S,
        timeout=_ANSWER_S,
        max_queued_incoming_messages=max_waiting,
        socket_options=_AT_ONCE,
    )
    try:
        await client.__aenter__()
    except BaseException as error:  # aiomqtt 2.5 leaves the connection open
        mqtt = client._client
        mqtt.on_disconnect = None  # aiomqtt's own would raise: its future has been cancelled
        mqtt.on_connect = _hang_up  # of a connection that a thread is still making
        _hang_up(mqtt)
        if isinstance(error, (aiomqtt.MqttError, OSError, UnicodeError)):
            raise BrokerError(f"{error}; look at the broker's own log") from error
        raise
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(_hear_why, client)
        stack.push_async_exit(client.__aexit__)
        yield client


async def subscribe(client: aiomqtt.Client, topic: str) -> None:
    """Subscribe with quality of service 1; MqttError if the broker refuses it.

    If there is no answer it is asked once more: a computer that was asleep finds both the answer
    and the end of its patience when it wakes.
    """
    try:
        granted = await client.subscribe(topic, qos=1)
    except aiomqtt.MqttCodeError:
        raise
    except aiomqtt.MqttError:
        granted = await client.subscribe(topic, qos=1)
    codes = [code.value if isinstance(code, ReasonCode) else code for code in granted]
    if any(code >= _REFUSED for code in codes):
        raise aiomqtt.MqttError(f"the broker refuses the subscription to {topic}")


def _hear_why(client: aiomqtt.Client) -> None:
    """Take note why a connection ended; else asyncio prints that nobody did, at any time."""
    if client._disconnected.done() and not client._disconnected.cancelled():
        client._disconnected.exception()


def _hang_up(mqtt: Client, *_: object) -> None:
    mqtt.disconnect()  # the loop writes that and closes the socket
