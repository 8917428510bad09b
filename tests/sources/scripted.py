"""Stand-ins: an instrument that follows a script, clocks that jump."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import Self

CLOSE = b"(close)"
"""Instead of a reply: the connection is closed."""


class ScriptedInstrument:
    """A loopback server that expects lines and sends what stands beside them.

    A list of (sent, received) pairs, over any number of connections in a row; received None sends
    nothing, and ``CLOSE`` at its end closes after what stands before it. At the end every pair
    must have been used, in order.
    """

    def __init__(self, exchange: list[tuple[str, str | bytes | None]]) -> None:
        self._exchange = list(exchange)
        self._wrong: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    @property
    def visa(self) -> str:
        return f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        if kind is None:
            assert not self._wrong, self._wrong
            assert not self._exchange, f"not asked for: {[sent for sent, _ in self._exchange]}"

    def _serve(self) -> None:
        while True:
            try:
                self._connection, _ = self._listener.accept()
            except OSError:
                return
            with (
                self._connection as connection,
                connection.makefile("rb") as lines,
                contextlib.suppress(OSError),
            ):
                self._converse(lines)

    def _acknowledge(self) -> None:
        """Acknowledge the next line at once, so that a client's second write need not wait."""
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _converse(self, lines) -> None:
        self._acknowledge()
        for line in lines:
            self._acknowledge()
            sent = line.decode().rstrip("\n")
            expected, reply = self._exchange.pop(0) if self._exchange else ("(nothing)", None)
            if sent != expected:
                self._wrong.append(f"expected {expected!r}, got {sent!r}")
                return
            if isinstance(reply, str):
                reply = reply.encode() + b"\n"
            if reply is not None:
                self._connection.sendall(reply.removesuffix(CLOSE))
                if reply.endswith(CLOSE):
                    return


class JumpingClock:
    """A clock on which nobody waits: sleeping makes it later."""

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = now_ns
        self.slept_s: list[float] = []

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


class TickingClock:
    """A clock that goes on when it is looked at, and when somebody waits, and never otherwise."""

    def __init__(self, tick_s: float = 0.05) -> None:
        self._tick_ns = round(tick_s * 1e9)
        self._now_ns = 0

    def now_ns(self) -> int:
        self._now_ns += self._tick_ns
        return self._now_ns

    def wait(self, seconds: float) -> bool:
        self._now_ns += round(seconds * 1e9)
        return False


class LeapingClock:
    """The time that passes, in which a driver's pauses take none."""

    def __init__(self, pace: int = 1) -> None:
        self._pace = pace
        self._leapt_ns = 0

    def now_ns(self) -> int:
        return time.monotonic_ns() * self._pace + self._leapt_ns

    def wait(self, seconds: float) -> bool:
        self._leapt_ns += round(seconds * 1e9)
        return False


def block(data: bytes) -> bytes:
    """Return a definite-length block and its line feed."""
    return b"#8%08d" % len(data) + data + b"\n"
