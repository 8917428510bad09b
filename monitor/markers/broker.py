"""A broker of our own, for who has none: amqtt in its own process, on loopback only.

Run as a program this is the broker's process. It ends when its standard input does, which the
operating system sees to when the parent dies, however it dies.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import importlib.util
import json
import logging
import selectors
import signal
import socket
import subprocess
import sys
import time
import warnings
from types import TracebackType
from typing import Any, Self

from monitor.errors import BrokerError, ConfigError

_HOST = "127.0.0.1"
_START_S = 20.0  # a cold Python on a slow disk
_STOP_S = 3.0
_CONFIG = {
    # Our own socket is handed over connection by connection: amqtt binds nothing, and it is us
    # who learn that a port is taken and which free one was given.
    "listeners": {"default": {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"  # 3.1.1, clean, 5 s, no identifier
_CONNACK = b"\x20\x02\x00\x00"
_DISCONNECT = b"\xe0\x00"


class EmbeddedBroker:
    """An MQTT broker that runs while it is entered, with ``with`` or ``async with``.

    Parameters
    ----------
    port
        TCP port on loopback; 0 takes any free one.

    Raises
    ------
    ConfigError
        If it is no port.
    """

    def __init__(self, port: int = 0) -> None:
        if not 0 <= port <= 65_535:
            raise ConfigError(f"port of the embedded broker: expected 0 to 65535, got {port}")
        self.port = port
        """The port asked for; once entered, the one in use."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address; valid once entered."""
        return f"mqtt://{_HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._stop)

    def _start(self) -> None:
        """Start the process and wait until it speaks MQTT.

        Raises
        ------
        BrokerError
            If amqtt is not installed, the port is taken, or nothing answers in time.
        """
        if importlib.util.find_spec("amqtt") is None:
            raise BrokerError(
                "the embedded broker needs amqtt, which is not installed: "
                "install wattstage[broker] or give --broker mqtt://HOST"
            )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "monitor.markers.broker", "--port", str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this in order
        )
        deadline_s = time.monotonic() + _START_S
        try:
            self.port = _port_of(self._process, deadline_s)
            _greet(self.port, deadline_s)
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes the pipes and waits
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _port_of(process: subprocess.Popen[bytes], deadline_s: float) -> int:
    """Return the port that the process says it listens on."""
    assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline_s - time.monotonic())):
            raise BrokerError(f"the embedded broker did not start within {_START_S:g} s")
    line = process.stdout.readline()
    if not line:
        raise BrokerError("the embedded broker did not start; see its message above")
    said = json.loads(line)
    if "error" in said:
        raise BrokerError(said["error"])
    return int(said["port"])


def _greet(port: int, deadline_s: float) -> None:
    """Return when the broker at the port has accepted an MQTT session."""
    left_s = max(0.1, deadline_s - time.monotonic())
    try:
        with socket.create_connection((_HOST, port), left_s) as connection:
            connection.sendall(_CONNECT)
            answer = b""
            while len(answer) < len(_CONNACK):
                part = connection.recv(len(_CONNACK) - len(answer))
                if not part:
                    break
                answer += part
            connection.sendall(_DISCONNECT)
    except OSError as error:
        raise BrokerError(f"the embedded broker at port {port} does not answer: {error}") from error
    if answer != _CONNACK:
        raise BrokerError(f"the embedded broker at port {port}: expected CONNACK, {answer=}")


def _bound(port: int) -> socket.socket:
    """Return a socket that listens on loopback.

    Raises
    ------
    BrokerError
        If the port cannot be had.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise BrokerError(
                f"port {port} on {_HOST} is in use, perhaps by another broker: "
                f"use that one with --broker mqtt://{_HOST}:{port}, or end it"
            ) from error
        raise BrokerError(f"port {port} on {_HOST} cannot be used: {error.strerror}") from error
    listener.setblocking(False)
    return listener


async def _serve(listener: socket.socket) -> None:
    """Serve until the standard input ends or a signal comes."""
    from amqtt.broker import Broker  # noqa: PLC0415 (optional, and only in this process)

    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_reader(sys.stdin, over.set)  # nothing is ever written to it
    broker = Broker(dict(_CONFIG))
    await broker.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await broker.stream_connected(reader, writer, "default")

    server = await asyncio.start_server(connected, sock=listener)
    _say(port=listener.getsockname()[1])
    await over.wait()
    loop.remove_reader(sys.stdin)
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(broker.shutdown(), _STOP_S / 2)


def _say(**facts: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent has gone; the input ends as well
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Be the broker's process."""
    parser = argparse.ArgumentParser(description="The embedded broker's process.")
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    # amqtt warns of the ways in which it is built, and logs each client that goes away rudely.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    try:
        with _bound(port) as listener:
            asyncio.run(_serve(listener))
    except BrokerError as error:
        _say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
