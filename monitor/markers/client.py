"""Tells Wattstage what a workload is doing, from inside the workload.

Needs Python 3.8, the standard library and paho-mqtt (1.6 or 2.x), because the environments of
workloads are old and not ours. Nothing here raises into the workload or makes it wait: without
a broker, or without paho-mqtt, markers are counted as dropped and that is all.

It is one file, to be copied, or to be installed as ``wattstage_client``. In this order: what a
workload uses (``MarkerClient`` and ``Stage``, or ``stage``, ``begin``, ``end``, ``mark`` and
``header`` without a client of its own), how a marker becomes bytes (``_Encoder``), where they are
kept (``_Spool``), and what sends them (``_Link``).
"""

from __future__ import annotations

import atexit
import bisect
import contextlib
import functools
import importlib.machinery
import importlib.util
import inspect
import itertools
import json
import logging  # noqa: F401  # paho-mqtt's, and imported in the middle of a fork it complains
import math
import numbers
import operator
import os
import re
import selectors
import socket
import sys
import tempfile
import threading
import time
import uuid
import weakref
from array import array
from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    Sync = Callable[[], Any] | str | None
    # stage, parent_id, index, total and timing: what the markers of both edges say
    Begun = tuple[Any, Any, Any, Any, Any]
    # event, span_id, those five, time_ns if given, now_ns, mono_ns, attrs if any, status of an end
    Entry = tuple[str, str, Any, Any, Any, Any, Any, Any, int, int, Any, Any]

__version__ = "0.1.0"

_F = TypeVar("_F", bound="Callable[..., Any]")
_now_ns, _mono_ns = time.time_ns, time.monotonic_ns

_SCHEMA = 1
_FIELDS = 12  # of an Entry
_QUEUE = 50_000  # markers that wait for the sender's thread, some 25 MB of the workload's memory
_SPOOL = 64 << 20  # bytes of markers that are kept, for a broker that is away or a late listener
_SEGMENT = 4 << 20  # bytes of which the oldest are given up together
_BESIDE = 1000  # messages beside the markers that wait for the sender; of more, the newest
_IN_FLIGHT = 20  # not yet acknowledged; what brokers accept from one client by default
_OPEN = 10_000  # stages begun and not ended, of which begin's fields are remembered
_MAX_TEXT = 1000
_MAX_NAME = 200
_MAX_KEY = 100
_MAX_ATTRS = 64
_MAX_BYTES = 65_536
_ANSWER_S = 5.0
_KEEPALIVE_S = 15
_STAY_S = 3.0  # after a broker's return, if the program ends meanwhile
_GOODBYE_S = 0.5
_FORK_S = 2.0  # that a fork waits for the sender
# Between two looks of the sender, shortest and longest: to be woken would cost the workload more.
_GATHER_S = (0.02, 0.1)
_LOOK_S = 0.5  # between two looks at all that may be due
_BURST = 500  # markers that it takes at a time; a fork waits for them
_PAUSE_S = (0.5, 10.0)  # before the next attempt to connect: first and longest
_TIMINGS = ("sync", "event", "host", "log", "hand")
_PLAIN = frozenset([bool, int, float, str, type(None)])  # which cannot change before they are sent


class MarkerClient:
    """Sends the begin, end and point markers of one process of a run to a broker.

    The workload's threads may share it; a thread of its own talks to the broker. To the workload's
    a marker is some words in a queue, without a lock: whatever can be done later is. A forked child
    goes on as a sender of its own, in the stages that were open.

    Parameters
    ----------
    url
        ``mqtt://[USER:PASSWORD@]HOST[:PORT]``, ``mqtts://...``, or ``none``. None takes it
        from the environment variable ``WATTSTAGE_BROKER``, else the broker on this machine.
    run_id
        Names the run. None takes ``WATTSTAGE_RUN_ID``, else makes a new one.
    host
        Names this machine. None takes its host name.
    prefix
        First level of the topics. None takes ``WATTSTAGE_PREFIX``, else ``wattstage``.
    rank
        Of this process among those of the run. None takes the environment variable ``RANK``.
    sync
        What is waited for before an edge is timed: ``torch`` for the GPU, or something to call;
        None waits for nothing.
    attrs
        Header of the run: what a listener is told of it, whenever it comes.
    """

    def __init__(
        self,
        url: str | None = None,
        run_id: str | None = None,
        host: str | None = None,
        prefix: str | None = None,
        rank: int | None = None,
        *,
        sync: Sync = None,
        **attrs: Any,
    ) -> None:
        run_id = run_id or os.environ.get("WATTSTAGE_RUN_ID") or uuid.uuid4().hex
        self.run_id = _topic_level(run_id)
        self.rank = _number_from("RANK", 0) if rank is None else _count(rank) or 0
        self.world_size = _number_from("WORLD_SIZE", 1)
        prefix = (prefix or os.environ.get("WATTSTAGE_PREFIX") or "wattstage").strip("/")
        self.host = _topic_level(host or socket.gethostname())
        self.topic = "/".join([prefix, self.host, self.run_id, "marker"])
        self._url = url or os.environ.get("WATTSTAGE_BROKER") or "mqtt://127.0.0.1:1883"
        self._sync = sync
        self._root = ""
        if self.run_id == os.environ.get("WATTSTAGE_RUN_ID"):
            self._root = os.environ.get("WATTSTAGE_PARENT", "")
        self._attrs: dict[str, Any] = {}
        self._begin_process()
        self.header(**attrs)
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_calling(self, MarkerClient._get_ready_to_fork),
                after_in_parent=_calling(self, MarkerClient._go_on_in_parent),
                after_in_child=_calling(self, MarkerClient._go_on_in_child),
            )

    def _begin_process(self) -> None:
        """Be a sender of this process that has not sent anything yet."""
        self.sender = uuid.uuid4().hex[:12]
        self._n_unsaid = 0
        self._stem = self.sender + "."
        self._spans = itertools.count(1)  # as a whole, next() is safe between threads
        self._open: dict[str, Begun] = {}
        self._encode = _Encoder(self.run_id, self.rank, self.world_size, self.sender)
        self._link = _Link(self._url, self.topic, self._encode)
        self._link.header = self._header()

    def _get_ready_to_fork(self) -> None:
        self._link.hold()

    def _go_on_in_parent(self) -> None:
        self._link.go_on()

    def _go_on_in_child(self) -> None:
        self._link.release()
        self._begin_process()
        util = sys.modules.get("multiprocessing.util")
        if util is not None:  # whose processes end without what atexit would do
            util.Finalize(self, MarkerClient._at_exit, args=(self,), exitpriority=0)

    @property
    def n_sent(self) -> int:
        """Return how many markers the broker has acknowledged."""
        return self._link.n_sent

    @property
    def n_dropped(self) -> int:
        """Return how many markers were lost, because nobody took them in time."""
        return self._link.n_dropped + self._n_unsaid

    @property
    def connected(self) -> bool:
        """Return whether the broker is there now."""
        return self._link.connected

    @property
    def problem(self) -> str:
        """Return why the broker could not be reached last; empty if it never failed."""
        return self._link.problem

    def header(self, **attrs: Any) -> None:
        """Add to the header of the run, e.g. its resolution and number of frames."""
        try:
            self._attrs = dict(self._attrs, **_scalars(attrs))
        except Exception:  # the workload matters more than its header
            self._n_unsaid += 1
        self._link.tell(self._header())

    def say(self, kind: str, value: dict[str, Any], *, keep: bool = False) -> None:
        """Say something beside the markers, on a topic of its own.

        It is sent once, as soon as there is a broker; of what waits for one, the newest is kept.

        Parameters
        ----------
        kind
            Last level of the topic.
        value
            What JSON can carry.
        keep
            Whether it holds from now on, so that the broker tells it whoever comes later.
        """
        try:
            payload = _json(dict(self._encode.common, **value))
        except (TypeError, ValueError):
            return
        self._link.say(kind, payload, keep)

    def _header(self) -> dict[str, Any]:
        return {"host": self.host, "clock": _clock(), "attrs": self._attrs}

    def begin(
        self,
        stage: str,
        parent_id: str | None = None,
        *,
        index: int | None = None,
        total: int | None = None,
        time_ns: int | None = None,
        timing: str = "host",
        span_id: str | None = None,
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
        span_id
            Names this occurrence among all of the run; None makes a new one.
        attrs
            What else to tell: texts, numbers, truth values.

        Returns
        -------
        The span id that ``end`` needs.
        """
        parent = self._current() if parent_id is None else parent_id
        begun = stage, parent, index, total, timing
        return self._put("begin", span_id or "", begun, attrs, time_ns)

    def end(
        self, span_id: str, time_ns: int | None = None, status: str = "ok", **attrs: Any
    ) -> None:
        """Mark the end of a stage; of one that is not open, do nothing.

        Parameters
        ----------
        span_id
            What ``begin`` returned.
        time_ns
            UTC of the edge; None is now.
        status
            ok or error.
        attrs
            What is known of the stage only now.
        """
        begun = self._open.pop(span_id, None) if type(span_id) is str else None
        if begun is not None:
            self._put("end", span_id, begun, attrs, time_ns, status)

    def point(
        self, stage: str, time_ns: int | None = None, *, timing: str = "host", **attrs: Any
    ) -> None:
        """Mark an instant, e.g. ``client.point("note", text="door opened")``.

        The parameters are those of ``begin``.
        """
        self._put("point", "", (stage, self._current(), None, None, timing), attrs, time_ns)

    mark = point

    def stage(
        self,
        name: str,
        *,
        index: int | None = None,
        total: int | None = None,
        timing: str = "host",
        sync: Sync = None,
        **attrs: Any,
    ) -> Stage:
        """Return a context manager, also a decorator, that marks a stage around its body.

        Stages nest as the code does, through threads' and tasks' own contexts. The end has the
        status ``error`` if an exception passed through; out of the outermost one, ``abort`` is
        marked as well. ``sync`` is as for the client, whose own it replaces; the other parameters
        are those of ``begin``.
        """
        waits_for = self._sync if sync is None else sync
        return Stage(self, (name, "", index, total, timing), attrs, waits_for)

    def close(self, deadline_s: float = 5.0) -> None:
        """Send what waits and hang up; markers that come later are dropped.

        Also done at the exit of the interpreter.

        Parameters
        ----------
        deadline_s
            What was not acknowledged by then is dropped.
        """
        atexit.unregister(self._at_exit)
        self._link.close(deadline_s)

    def __enter__(self) -> MarkerClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _at_exit(self) -> None:
        """Close; if stages are open, something has ended the program in the middle of them."""
        if self._open:
            error = getattr(sys, "last_value", None)
            self._abort("the program ended inside a stage" if error is None else _told(error))
        self.close()

    def _abort(self, reason: str) -> None:
        self.point("abort", reason=reason)

    def _current(self) -> str:
        stage = _innermost.get()
        while stage is not None and not (stage.is_open and stage._client is self):
            stage = stage.outer
        return self._root if stage is None else stage.span_id

    # What a workload waits for: one call, and nothing that the thread could do. The fields lie in
    # the queue one by one: a tuple for each marker would call Python's garbage collector often.
    def _put(  # noqa: PLR0917  # names would cost more
        self,
        event: str,
        span_id: str,
        begun: Begun,
        attrs: dict[str, Any],
        time_ns: int | None = None,
        status: str | None = None,
    ) -> str:
        """Queue a marker; return its span id, at a begin a new one unless it has one."""
        try:
            if event == "begin":
                span_id = span_id or f"{self._stem}{next(self._spans)}"
                self._open[span_id] = begun
                if len(self._open) > _OPEN:
                    self._forget()
            stage, parent_id, index, total, timing = begun
            if type(stage) is not str:
                stage = _name(stage)
            if attrs:
                for value in attrs.values():
                    if type(value) not in _PLAIN:
                        attrs = _scalars(attrs)
                        break
            entry = (
                event, span_id, stage, parent_id, index, total, timing,
                time_ns, _now_ns(), _mono_ns(), attrs or None, status,
            )  # fmt: skip
            link = self._link
            if len(link.queue) < link.room:
                link.queue.extend(entry)
            else:
                link.put(entry)
        except Exception:  # the workload matters more than its markers
            self._n_unsaid += 1
        return span_id

    def _forget(self) -> None:
        """Forget the oldest stage that is open."""
        with contextlib.suppress(KeyError, RuntimeError):  # another thread does the same
            del self._open[next(iter(self._open))]


class Stage:
    """A stage of the workload, as context manager and decorator; ``MarkerClient.stage`` makes it.

    As a context manager, also of ``async with``, it gives the span id. As a decorator it marks each
    call of a function, each run of a coroutine function, and each generator, asynchronous or not,
    from its first item to its end.
    """

    __slots__ = (
        "_attrs", "_begun", "_client", "_entered", "_is_new", "_newest", "_sync",
        "is_open", "outer", "span_id",
    )  # fmt: skip

    def __init__(
        self, client: MarkerClient, begun: Begun, attrs: dict[str, Any], sync: Sync = None
    ) -> None:
        self._client = client
        self._begun = begun
        self._attrs = attrs
        self._sync = sync
        self._entered: Stage | None = None  # for which this is a further time
        self._newest: Stage | None = None  # further time of this
        self._is_new = True
        self.is_open = False
        self.span_id = ""
        self.outer: Stage | None = None

    def __enter__(self) -> str:
        try:
            del self._is_new  # of threads that enter at once, one only succeeds
        except AttributeError:
            return self._enter_again()
        client = self._client
        name, _, index, total, timing = self._begun
        if self._sync is not None:
            timing = self._wait()
        self.outer = outer = _innermost.get()
        if outer is not None and outer.is_open and outer._client is client:
            parent_id = outer.span_id
        else:
            parent_id = client._current()
        begun = name, parent_id, index, total, timing
        self.span_id = span_id = client._put("begin", "", begun, self._attrs)
        self.is_open = True
        _innermost.set(self)
        return span_id

    def _enter_again(self) -> str:
        self._newest = again = self._again()
        again._entered = self
        return again.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        left = innermost = _innermost.get()
        if left is None or not left.is_open or (left is not self and left._entered is not self):
            left = self._newest or self  # a generator is left in another order, or by somebody else
            if not left.is_open:
                return
        left.is_open = False
        if self._sync is not None:
            self._wait()
        client, status = self._client, "ok"
        if kind is not None and not _is_plain_exit(error):
            status = "error"
            if client._current() == client._root:
                client._abort(_told(error))
        if innermost is left:
            _innermost.set(left.outer)
        if self._newest is left:  # or each would keep the other, for the garbage collector
            self._newest = None
        client.end(left.span_id, None, status)

    async def __aenter__(self) -> str:
        return self.__enter__()

    async def __aexit__(self, *raised: Any) -> None:
        self.__exit__(*raised)

    def __call__(self, function: _F) -> _F:
        """Return the function with this stage around each of its calls."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        async def run(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return await function(*args, **kwargs)

        def generate(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return (yield from function(*args, **kwargs))

        async def stream(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                items = function(*args, **kwargs)
                following = items.asend(None)
                try:
                    while True:
                        item = await following
                        try:
                            following = items.asend((yield item))
                        except Exception as error:
                            following = items.athrow(error)
                except StopAsyncIteration:
                    pass
                finally:
                    await items.aclose()

        marked: Any = call
        if inspect.iscoroutinefunction(function):
            marked = run
        elif inspect.isgeneratorfunction(function):
            marked = generate
        elif inspect.isasyncgenfunction(function):
            marked = stream
        return cast("_F", functools.wraps(function)(marked))

    def _again(self) -> Stage:
        """Return this stage for another time: who calls may do so while it is open."""
        return Stage(self._client, self._begun, self._attrs, self._sync)

    def _wait(self) -> str:
        """Wait for what there is to wait for; return how the edge is then timed."""
        try:
            if self._sync == "torch":
                cuda = getattr(sys.modules.get("torch"), "cuda", None)
                if cuda is None or not cuda.is_initialized():
                    return str(self._begun[4])
                cuda.synchronize()
            elif callable(self._sync):
                self._sync()
            else:
                return str(self._begun[4])
        except Exception:  # of the GPU: the workload will meet it by itself
            return "host"
        return "sync"


_innermost: ContextVar[Stage | None] = ContextVar("wattstage_stage", default=None)


_default: list[MarkerClient] = []  # of which the first is used: threads may make one each at a time


def _by_default(method: _F) -> _F:
    """Return a method as a function of a client that is made when one is called first."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not _default:
            _default.append(MarkerClient())
        return method(_default[0], *args, **kwargs)

    return cast("_F", functools.wraps(method)(call))


# For a program that needs no client of its own; the environment says where and who.
stage: Callable[..., Stage] = _by_default(MarkerClient.stage)
begin: Callable[..., str] = _by_default(MarkerClient.begin)
end: Callable[..., None] = _by_default(MarkerClient.end)
mark: Callable[..., None] = _by_default(MarkerClient.mark)
header: Callable[..., None] = _by_default(MarkerClient.header)


class _Encoder:
    """Makes payloads of entries; also says what is common to all of them."""

    def __init__(self, run_id: str, rank: int, world_size: int, sender: str) -> None:
        self.common = {
            "schema": _SCHEMA,
            "run_id": run_id,
            "rank": rank,
            "world_size": world_size,
            "sender": sender,
        }

    def __call__(self, seq: int, entry: Entry) -> bytes:
        event, span_id, *begun, time_ns, now_ns, mono_ns, attrs, status = entry
        if status is not None:
            attrs = {"status": status, **(attrs or {})}
        stage, parent_id, index, total, timing = _checked(*begun)
        marker: dict[str, Any] = dict(
            self.common,
            seq=seq,
            span_id=span_id,
            parent_id=parent_id,
            event=event,
            stage=stage,
            index=index,
            total=total,
            ts_ns=now_ns if time_ns is None else int(time_ns),
            mono_ns=mono_ns,
            emitted_ns=now_ns,
            timing=timing,
            attrs=_scalars(attrs or {}),
        )
        payload = _json(marker)
        if len(payload) <= _MAX_BYTES:
            return payload
        return _json(dict(marker, attrs={"attrs_dropped": len(marker["attrs"])}))


def leave_word(**said: Any) -> None:
    """Leave word for ``wattstage run``, if it has started this program."""
    path = os.environ.get("WATTSTAGE_LAST_WORDS")
    if path:
        # Without O_CREAT: who outlives the run leaves nothing behind.
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(file, _json(dict(said, pid=os.getpid())) + b"\n")
            finally:
                os.close(file)


def _paho() -> Any:
    """Return the module of paho-mqtt; where there is none, the one that ``wattstage run`` lends."""
    lent = os.environ.get("WATTSTAGE_PAHO")
    try:
        if lent and importlib.util.find_spec("paho") is None:
            spec: Any = importlib.machinery.PathFinder.find_spec("paho", [lent])
            sys.modules["paho"] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules["paho"])
        return importlib.import_module("paho.mqtt.client")
    except Exception as error:
        raise ImportError(
            f"paho-mqtt cannot be imported ({_told(error)}):"
            " pip install paho-mqtt in the program's environment"
        ) from error


class _Broker(NamedTuple):
    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool


class _Spool:
    """The newest payloads by number: the last few in memory, the others in files without a name.

    One thread uses it.
    """

    def __init__(self) -> None:
        self.acked = 0
        """What has this number or a lower one is at the broker."""
        self._segments: deque[_Segment] = deque()

    @property
    def last(self) -> int:
        """Return the highest number that was added; 0 if none."""
        return self._segments[-1].numbers[-1] if self._segments else 0

    @property
    def n_waiting(self) -> int:
        """Return how many are not at the broker."""
        return sum(
            len(segment.numbers) - bisect.bisect_right(segment.numbers, self.acked)
            for segment in self._segments
            if segment.numbers[-1] > self.acked
        )

    def add(self, number: int, payload: bytes) -> bool:
        """Keep a payload; False if all the room is taken by what is not at the broker."""
        if not self._segments or self._segments[-1].size >= _SEGMENT:
            if len(self._segments) * _SEGMENT >= _SPOOL:
                if self._segments[0].numbers[-1] > self.acked:
                    return False
                self._segments.popleft().close()
            if self._segments:
                self._segments[-1].put_away()
            self._segments.append(_Segment())
        self._segments[-1].add(number, payload)
        return True

    def close(self) -> None:
        """Give the files back; the payloads are gone."""
        for segment in self._segments:
            segment.close()

    def after(self, number: int) -> tuple[int, bytes] | None:
        """Return the next payload above a number, with its own; None if there is none."""
        for segment in self._segments:
            if segment.numbers[-1] > number:
                return segment.at(bisect.bisect_right(segment.numbers, number))
        return None


class _Segment:
    """Payloads in memory, until it is put away."""

    def __init__(self) -> None:
        self.numbers = array("Q")
        self.size = 0
        self._starts = array("Q")
        self._held = bytearray()
        self._file: Any = None

    def add(self, number: int, payload: bytes) -> None:
        self.numbers.append(number)
        self._starts.append(self.size)
        self._held += payload
        self.size += len(payload)

    def put_away(self) -> None:
        """Move the payloads to the disk; they stay in memory if it has no room for them."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile(prefix="wattstage-", buffering=0))
            if file.write(self._held) == self.size:
                self._file, self._held = file, bytearray()
                stack.pop_all()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def at(self, place: int) -> tuple[int, bytes]:
        start = self._starts[place]
        stop = self._starts[place + 1] if place + 1 < len(self._starts) else self.size
        if self._file is None:
            return self.numbers[place], bytes(self._held[start:stop])
        self._file.seek(start)
        return self.numbers[place], self._file.read(stop - start)


class _Link:
    """A queue of entries and the thread that brings them to the broker.

    The workload's threads append; the thread looks from time to time, and takes. It alone touches
    the MQTT client, which is driven through its interface for foreign loops, because its own loop
    uses ``select`` and so fails in a process with more than 1024 open files.

    A broker that is restarted forgets what it had accepted and not yet passed on. So everything
    is kept, and who listens may ask for what it misses.
    """

    def __init__(self, url: str, topic: str, encode: _Encoder) -> None:
        self.n_sent = 0
        self.connected = False
        self.problem = ""
        self.header: dict[str, Any] = {}
        self._broker = self._parsed(url)
        self.queue: deque[Any] = deque()
        """The fields of entries, one after another."""
        self.room = 0
        """Any thread may extend the queue while it is shorter than this; else ``put`` does."""
        self._capacity = 0  # of the queue; of the half that is not room, the thread is told
        self._lock = threading.RLock()  # a signal handler may mark while its own thread does
        self._was_connected = False
        self._topic = topic
        self._sender = encode.common["sender"]
        self._base = topic[: -len("marker")] + str(self._sender)
        self._encode = encode
        self._n_refused = 0  # for want of room in the queue
        self._n_unkept = 0  # for want of room in the spool, or of words
        self._seq = 0  # of the newest marker that was taken, or was to be
        self._n_passed = 0  # of those refused, which are counted in it
        self._said: deque[tuple[str, bytes]] = deque(maxlen=_BESIDE)
        self._kept: dict[str, bytes] = {}  # replaced whole
        self._spool = _Spool()
        self._in_flight: dict[int, int] = {}  # number by message id
        self._position = 0  # the highest number that was sent on this connection
        self._again: deque[tuple[int, int]] = deque()  # what was asked for: after, up to
        self._told = 0  # the highest number that the header has told of
        self._news = False  # in the header
        self._quiet_since_s = 0.0
        self._read_ns = 0  # when the newest message was read from the socket
        self._thread: threading.Thread | None = None
        self._bell, self._ear = None, None  # type: tuple[Any, Any]
        self._is_rung = False  # because the queue is half full, and the thread has not heard it
        self._closing = threading.Event()
        self._busy = threading.Lock()
        """Held by the thread unless it waits."""
        self._is_held = False
        self._is_known = False  # the broker: it has let us in before
        self._stay_until_s = 0.0  # on the monotonic clock, as the next
        self._give_up_s = math.inf

    @property
    def n_dropped(self) -> int:
        return self._n_refused + self._n_unkept

    def put(self, entry: Entry) -> None:
        """Queue an entry and wake the thread, or count it if there is no capacity."""
        with self._lock:
            self._start()
            if len(self.queue) < self._capacity:
                self.queue.extend(entry)
            elif self._broker is not None or self.problem:  # else nobody is to hear of it
                self._n_refused += 1
            if len(self.queue) > self.room and not self._is_rung:
                self._is_rung = True
                self._ring()

    def tell(self, header: dict[str, Any]) -> None:
        """Tell another header."""
        self.header = header
        self._news = True

    def say(self, kind: str, payload: bytes, keep: bool) -> None:
        """Queue a message beside the markers."""
        with self._lock:
            self._start()
            if not self._capacity:
                return
            if keep:
                self._kept = dict(self._kept, **{kind: payload})
                self._news = True
            else:
                self._said.append((kind, payload))

    def close(self, deadline_s: float) -> None:
        """Wait until all is acknowledged, at most for the deadline."""
        with self._lock:
            if self._closing.is_set():
                return
            self._give_up_s = time.monotonic() + deadline_s
            self._closing.set()
            self.room = self._capacity = 0
        if self._thread is not None:
            self._ring()
            self._thread.join(max(0.0, deadline_s))
        self._n_unkept += len(self.queue) // _FIELDS + self._spool.n_waiting
        if self.n_dropped:
            self._leave_word(self._why_lost)

    @property
    def _why_lost(self) -> str:
        """Return why markers were lost."""
        if self.problem:
            return self.problem
        if self._n_refused:
            return "they came faster than the broker took them"
        return "the program had ended before the broker took them"

    def _leave_word(self, why: str) -> None:
        """Tell ``wattstage run``, if it has started this run, that markers are lost."""
        if self._encode.common["run_id"] == os.environ.get("WATTSTAGE_RUN_ID"):
            leave_word(sender=self._sender, n_lost=self.n_dropped, why=why)

    def hold(self) -> None:
        """Wait until the thread holds no lock of Python, which a child would find held for ever."""
        self._is_held = self._busy.acquire(timeout=_FORK_S)

    def go_on(self) -> None:
        """Let the thread go on."""
        if self._is_held:
            self._is_held = False
            self._busy.release()

    def release(self) -> None:
        """Give back what the system has lent; what was not sent is counted, and gone."""
        for one in (self._ear, self._bell, self._spool):
            if one is not None:
                one.close()

    def _start(self) -> None:
        """Make room, and start the thread, if that was not done and there is a broker."""
        if self._thread is not None or self._broker is None or self._closing.is_set():
            return
        thread = threading.Thread(target=self._run, args=[self._broker], daemon=True)
        thread.name = "wattstage-markers"
        self._ear, self._bell = socket.socketpair()
        thread.start()
        self._thread = thread
        self._capacity = _QUEUE * _FIELDS
        self.room = _QUEUE // 2 * _FIELDS

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more
            self._bell.send(b"\0")

    def _hear(self) -> None:
        self._is_rung = False
        self._ear.recv(16)

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
            with self._busy:
                self._made(broker)
            selector = selectors.DefaultSelector()
        except Exception as error:  # no paho-mqtt, or no certificates: nothing can be sent
            with self._lock:  # who has started this thread may be about to make room
                self.room = self._capacity = 0
                self.problem = _said(error)
            self._leave_word(self.problem)  # now, because the program may be killed
        else:
            with selector:
                selector.register(self._ear, selectors.EVENT_READ)
                self._keep_connected(broker, selector)
        self._closing.wait()
        self.release()

    def _keep_connected(self, broker: _Broker, selector: selectors.BaseSelector) -> None:
        pause_s = _PAUSE_S[0]
        while True:
            closing = self._closing.is_set()
            self._gather()
            if closing and self._is_done:
                return
            self._was_connected = False
            client: Any = None
            try:
                with self._busy:
                    client = self._made(broker)
                    addresses = socket.getaddrinfo(
                        broker.host, broker.port, type=socket.SOCK_STREAM
                    )
                _reach(addresses)  # may take long, and a fork waits where we are busy
                with self._busy:
                    client.connect(broker.host, broker.port, _KEEPALIVE_S)
                self._converse(client, selector)
                gave_up = time.monotonic() > self._give_up_s
                if not (self._was_connected or self.problem or gave_up):
                    self.problem = "the broker hung up before it had answered"
            except Exception as error:  # whatever it is, the workload goes on and so do we
                self.problem = _said(error)
            self._hang_up(client)
            if closing and not self._is_known:  # a program ends at once where no broker ever was
                return
            is_soon = closing or self._was_connected
            pause_s = _PAUSE_S[0] if is_soon else min(2 * pause_s, _PAUSE_S[1])
            again_s = min(time.monotonic() + pause_s, self._give_up_s)
            while time.monotonic() < again_s and self._closing.is_set() == closing:
                self._gather()
                if selector.select(_GATHER_S[1]):
                    self._hear()
            if time.monotonic() >= self._give_up_s:
                return

    def _gather(self) -> None:
        """Take what the workload has queued so far."""
        for n in range(len(self.queue) // _FIELDS, -1, -_BURST):
            with self._busy:
                self._take(min(n, _BURST))

    def _take(self, n: int) -> None:
        next_field = self.queue.popleft
        for _ in range(n):
            entry = cast("Entry", tuple(next_field() for _ in range(_FIELDS)))
            self._seq += 1
            try:
                is_kept = self._spool.add(self._seq, self._encode(self._seq, entry))
            except Exception:  # the workload matters more than its markers
                is_kept = False
            self._n_unkept += not is_kept
        if n:
            self._quiet_since_s = time.monotonic()
        # Those that were refused have a number too: the receiver sees that they are missing.
        n_refused = self._n_refused
        self._seq += n_refused - self._n_passed
        self._n_passed = n_refused

    def _made(self, broker: _Broker) -> Any:
        """Return an MQTT client of whichever paho-mqtt there is."""
        mqtt = _paho()
        versions = getattr(mqtt, "CallbackAPIVersion", None)  # since 2.0
        first = () if versions is None else (versions.VERSION2,)
        client = mqtt.Client(*first, client_id=f"wattstage{self._sender}")
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set(*map(_file, ("WATTSTAGE_CA", "WATTSTAGE_CERT", "WATTSTAGE_KEY")))
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.will_set(self._base + "/status", self._status("lost"), qos=1)
        return client

    def _status(self, status: str, **more: int) -> bytes:
        return _json(dict(self._encode.common, status=status, **more))

    # The arguments after these differ between paho-mqtt 1.6 and 2.x.
    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, code: Any, *_: Any) -> None:
        self.connected = self._was_connected = bool(code == 0)
        if not self.connected:
            self.problem = "the broker refused the connection: " + str(code)
            return
        if self._is_known:  # who listens comes back, too, and may ask for what it has missed
            self._stay_until_s = time.monotonic() + _STAY_S
        self._is_known = True
        self._in_flight.clear()
        self._position = self._spool.acked
        client.subscribe(self._base + "/ask", qos=0)
        client.publish(self._base + "/status", self._status("online"), qos=1)
        self._news = True

    def _on_disconnect(self, *_: Any) -> None:
        self.connected = False

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, *_: Any) -> None:
        number = self._in_flight.pop(mid, None)
        if number is not None and number > self._spool.acked:
            self.n_sent += 1
            # Acknowledgements come in order, but for what is sent again.
            waiting = [n for n in self._in_flight.values() if n > self._spool.acked]
            self._spool.acked = min(waiting, default=self._position + 1) - 1

    def _on_message(self, client: Any, _userdata: Any, message: Any) -> None:
        """Answer who listens: with the time, or with what it misses."""
        read_ns = self._read_ns
        if message.topic != self._base + "/ask":
            return
        try:
            asked = json.loads(message.payload)
            if "t0_ns" in asked:
                answer = dict(self._encode.common, id=str(asked.get("id"))[:_MAX_KEY])
                answer.update(t0_ns=int(asked["t0_ns"]), t1_ns=read_ns, t2_ns=_now_ns())
                client.publish(self._base + "/clock", _json(answer), qos=0)
            elif "first" in asked and len(self._again) < 100:
                last = asked.get("last")
                last = self._position if last is None else int(last)
                self._again.append((int(asked["first"]) - 1, last))
        except (ValueError, TypeError, RecursionError):
            pass  # it is not one of ours

    def _converse(self, client: Any, selector: selectors.BaseSelector) -> None:
        """Publish until the connection is lost, or until closing and all is acknowledged."""
        sock = client.socket()
        answer_by_s = time.monotonic() + _ANSWER_S
        selector.register(sock, selectors.EVENT_READ)
        try:
            while client.socket() is sock:
                if not self._was_connected and time.monotonic() > answer_by_s:
                    raise TimeoutError("no MQTT broker answers there")
                self._gather()
                if self._closing.is_set() and self._finished():
                    if self.connected:
                        self._say_goodbye(client)
                    return
                with self._busy:
                    self._publish(client)
                if client.socket() is not sock:
                    return
                events = selectors.EVENT_READ
                if client.want_write():
                    events |= selectors.EVENT_WRITE
                selector.modify(sock, events)
                self._step(client, sock, selector)
        finally:
            selector.unregister(sock)

    @property
    def _is_done(self) -> bool:
        """Return whether nothing waits."""
        waits = self.queue or self._spool.n_waiting or self._said
        return not (waits or (self._kept and self._news))

    def _finished(self) -> bool:
        sent = self.connected and self._is_done and not self._again
        now_s = time.monotonic()
        return (sent and now_s > self._stay_until_s) or now_s > self._give_up_s

    def _publish(self, client: Any) -> None:
        while self.connected and len(self._in_flight) < _IN_FLIGHT:
            found = self._next()
            if found is None:
                break
            sent = client.publish(self._topic, found[1], qos=1)
            self._in_flight[sent.mid] = found[0]
        is_quiet = self._told < self._position and time.monotonic() > self._quiet_since_s + _LOOK_S
        if self.connected and (self._news or is_quiet):
            self._news, self._told = False, self._position
            header = dict(self._encode.common, seq=self._told, n_dropped=self.n_dropped)
            client.publish(self._base + "/run", _json({**header, **self.header}), 1, retain=True)
            for kind, payload in self._kept.items():
                client.publish(self._base + "/" + kind, payload, 1, retain=True)
        while self.connected and self._said:
            kind, payload = self._said.popleft()
            client.publish(self._base + "/" + kind, payload, qos=0)

    def _next(self) -> tuple[int, bytes] | None:
        """Return what to send next: what was never sent, else what was asked for again."""
        found = self._spool.after(self._position)
        if found is not None:
            self._position = found[0]
            return found
        while self._again:
            after, last = self._again.popleft()
            found = self._spool.after(after)
            if found is not None and found[0] <= min(last, self._position):
                self._again.appendleft((found[0], last))
                return found
        return None

    def _step(self, client: Any, sock: Any, selector: selectors.BaseSelector) -> None:
        held = sock.pending() if hasattr(sock, "pending") else 0  # TLS has read ahead
        until_s = min(time.monotonic() + _LOOK_S, self._give_up_s)
        pause_s, longest_s = _GATHER_S
        while True:
            ready = {key.fileobj: of for key, of in selector.select(0.0 if held else pause_s)}
            if ready or held or self.queue or self._news or self._said:
                break
            if self._closing.is_set() or time.monotonic() > until_s:
                break
            pause_s = min(2 * pause_s, longest_s)
        self._read_ns = _now_ns()
        if self._ear in ready:
            self._hear()
        events = ready.get(sock, 0)
        with self._busy:
            if held or events & selectors.EVENT_READ:
                _acknowledge_at_once(sock)
                client.loop_read()
            if events & selectors.EVENT_WRITE and client.socket() is sock:
                client.loop_write()
            client.loop_misc()

    def _say_goodbye(self, client: Any) -> None:
        """Tell that the run is over, and take back what a later listener would still be told."""
        ended = self._status("ended", seq=self._position)
        said = [client.publish(self._base + "/status", ended, qos=1)]
        for kind in ("run", *self._kept):
            said.append(client.publish(self._base + "/" + kind, b"", qos=1, retain=True))
        self._serve(client, lambda: all(each.is_published() for each in said))
        client.disconnect()  # and until the broker hangs up, or it would call this a loss
        self._serve(client, lambda: client.socket() is None)

    def _serve(self, client: Any, is_done: Callable[[], bool]) -> None:
        """Let the connection work until something is done, but not for long."""
        until_s = time.monotonic() + _GOODBYE_S
        while not is_done() and client.socket() is not None and time.monotonic() < until_s:
            with selectors.DefaultSelector() as selector:
                selector.register(client.socket(), selectors.EVENT_READ)
                if client.want_write():
                    client.loop_write()
                if selector.select(0.05):
                    client.loop_read()

    def _hang_up(self, client: Any) -> None:
        with contextlib.suppress(Exception):
            client.disconnect()
            if client.socket() is not None:
                client.socket().close()
        self.connected = False


def _clock() -> str:
    """Return what names this machine's clock: whoever has the same, has the same time."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
            return file.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _calling(client: MarkerClient, method: Callable[[MarkerClient], None]) -> Callable[[], None]:
    """Return what calls a client's method, if there is such a client any more."""
    reference = weakref.ref(client)

    def call() -> None:
        alive = reference()
        with contextlib.suppress(Exception):  # the workload's fork matters more
            if alive is not None:
                method(alive)

    return call


def _told(error: BaseException | None) -> str:
    return type(error).__name__ + ": " + _said(error) if error is not None else "unknown"


def _is_plain_exit(error: BaseException | None) -> bool:
    if isinstance(error, SystemExit):
        return error.code in (None, 0)
    return isinstance(error, GeneratorExit)


def _parsed(url: str) -> _Broker:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # whose text may be a part of a password
        port = 0
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or port == 0:
        raise ValueError("expected mqtt://[USER:PASSWORD@]HOST[:PORT] as the broker's address")
    tls = parts.scheme == "mqtts"
    user = unquote(parts.username) if parts.username else None
    password = os.environ.get("WATTSTAGE_MQTT_PASSWORD") if user else None
    if parts.password is not None:
        password = unquote(parts.password)
    return _Broker(parts.hostname, port or (8883 if tls else 1883), user, password, tls)


def _file(variable: str) -> str | None:
    """Return the file that a variable names; None if it names none."""
    name = os.environ.get(variable)
    if not name:
        return None
    name = os.path.expanduser(name)  # noqa: PTH111
    with open(name, "rb"):  # noqa: PTH123  # whose error names the file, as those of TLS do not
        return name


def _said(error: BaseException) -> str:
    return str(error)[:_MAX_TEXT] or type(error).__name__


def _number_from(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else default


def _topic_level(text: str) -> str:
    """Return a text without what has a meaning in topics."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", str(text))[:_MAX_KEY]


def _text(value: object, length: int) -> str:
    text = str(value)[:length]
    if text.isascii():
        return text
    # Lone surrogates, as in undecodable file names, have no UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def _name(value: object, length: int = _MAX_NAME) -> str:
    text = _text(value, length)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return text or "unnamed"


def _checked(stage: Any, parent_id: Any, index: Any, total: Any, timing: Any) -> Begun:
    return (
        _name(stage),
        _name(parent_id) if parent_id else "",
        _count(index),
        _count(total),
        timing if timing in _TIMINGS else "host",
    )


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


def _send_at_once(_client: Any, _userdata: Any, link: Any) -> None:
    """Let no small message wait for the acknowledgement of the one before, some 40 ms."""
    with contextlib.suppress(OSError):  # of what is no TCP socket
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reach(addresses: list[Any]) -> None:
    """Connect to one of some addresses and hang up; OSError if nobody answers."""
    problem = OSError("the broker has no address")
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(_ANSWER_S)
            try:
                probe.connect(address)
            except OSError as error:
                problem = error
            else:
                return
    raise problem


def _acknowledge_at_once(link: Any) -> None:
    """Let the broker not wait for the acknowledgement either, before a question for the time.

    mosquitto gathers small messages unless it is told not to; Linux forgets this from time to time.
    """
    with contextlib.suppress(AttributeError, OSError):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _json(value: dict[str, Any]) -> bytes:
    return _written(value).encode()


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
