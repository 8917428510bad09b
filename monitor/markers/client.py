"""Tells Wattstage what a workload is doing, from inside the workload.

Needs Python 3.8, the standard library and paho-mqtt (1.6 or 2.x), because the environments of
workloads are old and not ours. Nothing here raises into the workload or makes it wait: without
a broker, or without paho-mqtt, markers are counted as dropped and that is all.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import inspect
import json
import math
import numbers
import operator
import os
import re
import selectors
import socket
import threading
import time
import uuid
from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_F = TypeVar("_F", bound="Callable[..., Any]")

_SCHEMA = 1
_QUEUE = 10_000  # markers that wait for the broker; filled by the workload, emptied by the sender
_IN_FLIGHT = 20  # not yet acknowledged; what brokers accept from one client by default
_OPEN = 10_000  # stages begun and not ended, of which begin's fields are remembered
_MAX_TEXT = 1000
_MAX_NAME = 200
_MAX_KEY = 100
_MAX_ATTRS = 64
_MAX_BYTES = 65_536
_ANSWER_S = 5.0
_KEEPALIVE_S = 15
_PAUSE_S = (0.5, 10.0)  # before the next attempt to connect: first and longest
_TIMINGS = ("sync", "event", "host", "log", "hand")


class MarkerClient:
    """Sends the begin, end and point markers of one run to a broker.

    The workload's threads may share it; a thread of its own talks to the broker. In a forked
    child it does nothing.

    Parameters
    ----------
    url
        ``mqtt://[USER:PASSWORD@]HOST[:PORT]``, ``mqtts://...``, or ``none``. None takes it
        from the environment variable ``WATTSTAGE_BROKER``, else the broker on this machine.
    run_id
        Names the run; two clients share one only if they differ in rank. None makes a new one.
    host
        Names this machine. None takes its host name.
    prefix
        First level of the topic.
    rank
        Of this process among those of the run. None takes the environment variable ``RANK``.
    """

    def __init__(
        self,
        url: str | None = None,
        run_id: str | None = None,
        host: str | None = None,
        prefix: str = "wattstage",
        rank: int | None = None,
    ) -> None:
        self.run_id = _topic_level(run_id or uuid.uuid4().hex)
        self.rank = _number_from("RANK", 0) if rank is None else _count(rank) or 0
        self.world_size = _number_from("WORLD_SIZE", 1)
        self.topic = "/".join(
            [prefix.strip("/"), _topic_level(host or socket.gethostname()), self.run_id, "marker"]
        )
        self._token = uuid.uuid4().hex[:12]
        self._link = _Link(
            url or os.environ.get("WATTSTAGE_BROKER") or "mqtt://127.0.0.1:1883",
            self.topic,
            "wattstage" + self._token,
        )
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal handler may mark while its own thread does
        self._seq = 0
        self._n_spans = 0
        self._n_unencoded = 0
        self._open: dict[str, _Begun] = {}
        atexit.register(self.close)

    @property
    def n_sent(self) -> int:
        """Return how many markers the broker has acknowledged."""
        return self._link.n_sent

    @property
    def n_dropped(self) -> int:
        """Return how many markers were lost, because nobody took them in time."""
        return self._link.n_dropped + self._n_unencoded

    @property
    def connected(self) -> bool:
        """Return whether the broker is there now."""
        return self._link.connected

    @property
    def problem(self) -> str:
        """Return why the broker could not be reached last; empty if it never failed."""
        return self._link.problem

    def begin(
        self,
        stage: str,
        parent_id: str | None = None,
        *,
        index: int | None = None,
        total: int | None = None,
        time_ns: int | None = None,
        timing: str = "host",
        **attrs: Any,
    ) -> str:
        """Mark the begin of a stage.

        Parameters
        ----------
        stage
            Name, e.g. ``denoise``.
        parent_id
            Span id of the enclosing stage; None takes the ``with stage(...)`` around this call,
            an empty text none.
        index, total
            Which occurrence this is, from 0, and how many there will be; None if not counted.
        time_ns
            UTC of the edge; None is now.
        timing
            How the time was taken: sync, event, host, log or hand.
        attrs
            What else to tell: texts, numbers, truth values.

        Returns
        -------
        The span id that ``end`` needs; empty in a forked child.
        """
        parent = self._current() if parent_id is None else parent_id
        return self._begin(_Begun(stage, parent, index, total, timing), time_ns, attrs)

    def end(self, span_id: str, time_ns: int | None = None, status: str = "ok") -> None:
        """Mark the end of a stage; of one that is not open, do nothing.

        Parameters
        ----------
        span_id
            What ``begin`` returned.
        time_ns
            UTC of the edge; None is now.
        status
            ok or error.
        """
        if os.getpid() != self._pid:
            return
        with self._lock:
            begun = self._open.pop(str(span_id), None)
        if begun is not None:
            self._emit("end", span_id, begun, time_ns, {"status": status})

    def point(
        self, stage: str, time_ns: int | None = None, *, timing: str = "host", **attrs: Any
    ) -> None:
        """Mark an instant, e.g. ``client.point("note", text="door opened")``.

        The parameters are those of ``begin``.
        """
        if os.getpid() == self._pid:
            begun = _Begun(stage, self._current(), None, None, timing)
            self._emit("point", "", begun, time_ns, attrs)

    def stage(
        self,
        name: str,
        *,
        index: int | None = None,
        total: int | None = None,
        timing: str = "host",
        **attrs: Any,
    ) -> Stage:
        """Return a context manager, also a decorator, that marks a stage around its body.

        Stages nest as the code does, through threads' and tasks' own contexts. The end has the
        status ``error`` if an exception passed through. The parameters are those of ``begin``.
        """
        return Stage(self, _Begun(name, "", index, total, timing), attrs)

    def close(self, deadline_s: float = 2.0) -> None:
        """Send what waits and hang up; markers that come later are dropped.

        Also done at the exit of the interpreter.

        Parameters
        ----------
        deadline_s
            What was not acknowledged by then is dropped.
        """
        if os.getpid() != self._pid:
            return
        atexit.unregister(self.close)
        self._link.close(deadline_s)

    def __enter__(self) -> MarkerClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self, begun: _Begun, time_ns: int | None, attrs: dict[str, Any]) -> str:
        if os.getpid() != self._pid:
            return ""
        with self._lock:
            self._n_spans += 1
            span_id = f"{self._token}.{self._n_spans}"
            self._open[span_id] = begun
            if len(self._open) > _OPEN:
                del self._open[next(iter(self._open))]
        self._emit("begin", span_id, begun, time_ns, attrs)
        return span_id

    def _current(self) -> str:
        scope = _scope.get()
        while scope is not None and (scope.closed or scope.client is not self):
            scope = scope.outer
        return scope.span_id if scope is not None else ""

    def _emit(
        self,
        event: str,
        span_id: str,
        begun: _Begun,
        time_ns: int | None,
        attrs: dict[str, Any],
    ) -> None:
        try:
            now_ns = time.time_ns()
            marker = {
                "schema": _SCHEMA,
                "run_id": self.run_id,
                "seq": 0,
                "span_id": span_id,
                "parent_id": _name(begun.parent_id) if begun.parent_id else "",
                "event": event,
                "stage": _name(begun.stage),
                "index": _count(begun.index),
                "total": _count(begun.total),
                "ts_ns": now_ns if time_ns is None else int(time_ns),
                "mono_ns": time.monotonic_ns(),
                "emitted_ns": now_ns,
                "timing": begun.timing if begun.timing in _TIMINGS else "host",
                "rank": self.rank,
                "world_size": self.world_size,
                "attrs": _scalars(attrs),
            }
            with self._lock:  # so that they are queued in the order of seq
                self._seq += 1  # of a dropped marker too: the receiver sees that one is missing
                marker["seq"] = self._seq
                self._link.put(_encoded(marker))
        except Exception:  # the workload matters more than its markers
            self._n_unencoded += 1


class Stage:
    """A stage of the workload, as context manager and decorator; ``MarkerClient.stage`` makes it.

    As a context manager it gives the span id. As a decorator it marks each call of a function,
    each run of a coroutine function, and each generator from its first item to its last.
    """

    def __init__(self, client: MarkerClient, begun: _Begun, attrs: dict[str, Any]) -> None:
        self._client = client
        self._begun = begun
        self._attrs = attrs
        self._entered: list[_Scope] = []

    def __enter__(self) -> str:
        parent_id = self._client._current()
        begun = self._begun._replace(parent_id=parent_id)
        span_id = self._client._begin(begun, None, self._attrs)
        scope = _Scope(self._client, span_id, _scope.get())
        _scope.set(scope)
        self._entered.append(scope)
        return span_id

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        scope = self._entered.pop()
        scope.closed = True
        if _scope.get() is scope:  # not so where generators are left in another order
            _scope.set(scope.outer)
        ok = kind is None or issubclass(kind, GeneratorExit)
        self._client.end(scope.span_id, status="ok" if ok else "error")

    def __call__(self, function: _F) -> _F:
        """Return the function with this stage around each of its calls."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with Stage(self._client, self._begun, self._attrs):
                return function(*args, **kwargs)

        async def run(*args: Any, **kwargs: Any) -> Any:
            with Stage(self._client, self._begun, self._attrs):
                return await function(*args, **kwargs)

        def generate(*args: Any, **kwargs: Any) -> Any:
            with Stage(self._client, self._begun, self._attrs):
                return (yield from function(*args, **kwargs))

        marked: Any = call
        if inspect.iscoroutinefunction(function):
            marked = run
        elif inspect.isgeneratorfunction(function):
            marked = generate
        return cast("_F", functools.wraps(function)(marked))


class _Scope:
    """A ``with stage(...)`` that is or was open, and the one around it."""

    __slots__ = ("client", "closed", "outer", "span_id")

    def __init__(self, client: MarkerClient, span_id: str, outer: _Scope | None) -> None:
        self.client = client
        self.span_id = span_id
        self.outer = outer
        self.closed = False


_scope: ContextVar[_Scope | None] = ContextVar("wattstage_stage", default=None)


class _Begun(NamedTuple):
    """What the markers of both edges of a stage say; as given, so perhaps nonsense."""

    stage: Any
    parent_id: Any
    index: Any
    total: Any
    timing: Any


class _Broker(NamedTuple):
    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool


class _Link:
    """A queue of payloads and the thread that brings them to the broker.

    The workload's threads append, the thread takes; it alone touches the MQTT client, which is
    driven through its interface for foreign loops, because its own loop uses ``select`` and so
    fails in a process with more than 1024 open files.
    """

    def __init__(self, url: str, topic: str, identifier: str) -> None:
        self.n_sent = 0
        self.n_dropped = 0
        self.connected = False
        self.problem = ""
        self._broker = self._parsed(url)
        self._was_connected = False
        self._topic = topic
        self._identifier = identifier
        self._queue: deque[bytes] = deque()
        self._in_flight: set[int] = set()
        self._thread: threading.Thread | None = None
        self._bell, self._ear = None, None  # type: tuple[Any, Any]
        self._closing = threading.Event()
        self._give_up_s = math.inf  # on the monotonic clock

    def put(self, payload: bytes) -> None:
        """Queue a payload; the caller sees to it that only one thread does so at a time."""
        if self._closing.is_set() or self._broker is None or len(self._queue) >= _QUEUE:
            self.n_dropped += 1
            return
        self._queue.append(payload)
        if self._thread is None:
            self._start(self._broker)
        self._ring()

    def close(self, deadline_s: float) -> None:
        """Wait until all is acknowledged, at most for the deadline."""
        if self._closing.is_set():
            return
        self._give_up_s = time.monotonic() + deadline_s
        self._closing.set()
        if self._thread is not None:
            self._ring()
            self._thread.join(max(0.0, deadline_s))
        self.n_dropped += len(self._queue) + len(self._in_flight)

    def _start(self, broker: _Broker) -> None:
        ear, bell = socket.socketpair()
        ear.setblocking(False)
        bell.setblocking(False)
        thread = threading.Thread(target=self._run, args=[broker], daemon=True)
        thread.name = "wattstage-markers"
        self._ear, self._bell, self._thread = ear, bell, thread
        thread.start()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it rings already; closed: nobody listens
            self._bell.send(b"\0")

    def _parsed(self, url: str) -> _Broker | None:
        """Return the broker; None if there is none to talk to."""
        if url == "none":
            return None
        try:
            return _parsed(url)
        except ValueError as error:
            self.problem = str(error)
            return None

    def _run(self, broker: _Broker) -> None:
        try:
            client = self._made(broker)
        except Exception as error:  # no paho-mqtt, or no certificates: nothing can be sent
            self.problem = _said(error)
        else:
            self._keep_connected(client, broker)
        with contextlib.closing(self._ear), contextlib.closing(self._bell):
            self._closing.wait()

    def _keep_connected(self, client: Any, broker: _Broker) -> None:
        pause_s = _PAUSE_S[0]
        last = False
        while not last:
            last = self._closing.is_set()
            if last and not self._queue and not self._in_flight:
                return
            self._was_connected = False
            try:
                client.connect(broker.host, broker.port, _KEEPALIVE_S)
                self._converse(client)
            except Exception as error:  # whatever it is, the workload goes on and so do we
                self.problem = _said(error)
            self._hang_up(client)
            pause_s = _PAUSE_S[0] if self._was_connected else min(2 * pause_s, _PAUSE_S[1])
            if not last:
                self._closing.wait(pause_s)

    def _made(self, broker: _Broker) -> Any:
        """Return an MQTT client of whichever paho-mqtt there is."""
        mqtt: Any = importlib.import_module("paho.mqtt.client")
        versions = getattr(mqtt, "CallbackAPIVersion", None)  # since 2.0
        first = () if versions is None else (versions.VERSION2,)
        client = mqtt.Client(*first, client_id=self._identifier)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    # The arguments after these differ between paho-mqtt 1.6 and 2.x.
    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, code: Any, *_: Any) -> None:
        self.connected = self._was_connected = bool(code == 0)
        if not self.connected:
            self.problem = "the broker refused the connection: " + str(code)

    def _on_disconnect(self, *_: Any) -> None:
        self.connected = False

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, *_: Any) -> None:
        self._in_flight.discard(mid)
        self.n_sent += 1

    def _converse(self, client: Any) -> None:
        """Publish until the connection is lost, or until closing and all is acknowledged."""
        sock = client.socket()
        answer_by_s = time.monotonic() + _ANSWER_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            selector.register(sock, selectors.EVENT_READ)
            while sock is not None and client.socket() is sock:
                if not self._was_connected and time.monotonic() > answer_by_s:
                    raise TimeoutError("no MQTT broker answers there")
                if self._closing.is_set() and self._finished():
                    return
                self._publish(client)
                if client.socket() is not sock:
                    return
                events = selectors.EVENT_READ
                if client.want_write():
                    events |= selectors.EVENT_WRITE
                selector.modify(sock, events)
                self._step(client, sock, selector)

    def _finished(self) -> bool:
        sent = self.connected and not self._queue and not self._in_flight
        return sent or time.monotonic() > self._give_up_s

    def _publish(self, client: Any) -> None:
        while self.connected and self._queue and len(self._in_flight) < _IN_FLIGHT:
            sent = client.publish(self._topic, self._queue.popleft(), qos=1)
            self._in_flight.add(sent.mid)  # paho-mqtt keeps it until it is acknowledged

    def _step(self, client: Any, sock: Any, selector: selectors.BaseSelector) -> None:
        held = sock.pending() if hasattr(sock, "pending") else 0  # TLS has read ahead
        wait_s = 0.0 if held else min(1.0, max(0.0, self._give_up_s - time.monotonic()))
        ready = {key.fileobj: events for key, events in selector.select(wait_s)}
        if self._ear in ready:
            self._ear.recv(4096)
        if held or ready.get(sock, 0) & selectors.EVENT_READ:
            client.loop_read()
        if ready.get(sock, 0) & selectors.EVENT_WRITE and client.socket() is sock:
            client.loop_write()
        client.loop_misc()

    def _hang_up(self, client: Any) -> None:
        with contextlib.suppress(Exception):
            client.disconnect()
            if client.socket() is not None:
                client.socket().close()
        self.connected = False


def _parsed(url: str) -> _Broker:
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError("expected mqtt://[USER:PASSWORD@]HOST[:PORT] as the broker's address")
    tls = parts.scheme == "mqtts"
    return _Broker(
        parts.hostname,
        parts.port or (8883 if tls else 1883),
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
        tls,
    )


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _number_from(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else default


def _topic_level(text: str) -> str:
    """Return a text without what has a meaning in topics."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", str(text))[:_MAX_KEY]


def _text(value: object, length: int) -> str:
    # Lone surrogates, as in undecodable file names, have no UTF-8.
    return str(value)[:length].encode("utf-8", "replace").decode("utf-8")


def _name(value: object, length: int = _MAX_NAME) -> str:
    text = _text(value, length)
    return "".join(c if c.isprintable() else "?" for c in text) or "unnamed"


def _count(value: Any) -> int | None:
    try:
        number = operator.index(value)
    except TypeError:
        return None
    return number if 0 <= number < 2**63 else None


def _scalars(attrs: dict[str, Any]) -> dict[str, Any]:
    some = list(attrs.items())[:_MAX_ATTRS]
    return {_name(name, _MAX_KEY): _scalar(value) for name, value in some}


def _scalar(value: Any) -> str | int | float | bool | None:
    """Return what JSON can carry; whatever it cannot, as text."""
    if value is None or isinstance(value, (bool, str)):
        return _text(value, _MAX_TEXT) if isinstance(value, str) else value
    if isinstance(value, numbers.Integral) and -(2**63) <= int(value) < 2**63:
        return int(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    return _text(value, _MAX_TEXT)


def _encoded(marker: dict[str, Any]) -> bytes:
    payload = json.dumps(marker, ensure_ascii=False, separators=(",", ":")).encode()
    if len(payload) <= _MAX_BYTES:
        return payload
    return _encoded(dict(marker, attrs={"attrs_dropped": len(marker["attrs"])}))
