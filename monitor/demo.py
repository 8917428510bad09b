"""The main job on one machine: bench, broker, engine and a view of them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from monitor.engine.client import EngineClient
from monitor.errors import EngineError, InstrumentError
from monitor.markers.broker import EmbeddedBroker

_START_S = 20.0  # a cold Python on a slow disk
_STOP_S = 20.0


@contextlib.contextmanager
def running(
    recording: Path, endpoint: str, *, bench: list[str], engine: list[str]
) -> Iterator[EngineClient]:
    """Yield a client of an engine that records the bench; on leaving, everything is ended.

    Parameters
    ----------
    recording
        File to make.
    endpoint
        Where the engine listens.
    bench, engine
        Further arguments for ``wattstage bench`` and ``wattstage record``.

    Raises
    ------
    WattstageError
        If one of them cannot be started.
    """
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker()).url
        address = stack.enter_context(_bench([*bench, "--broker", broker]))
        arguments = ["--visa", address, "--broker", broker, "-o", str(recording), "--quiet"]
        command = ["record", *arguments, "--endpoint", endpoint]
        yield stack.enter_context(served([*command, *engine], endpoint, end=True))


@contextlib.contextmanager
def served(arguments: list[str], endpoint: str, *, end: bool) -> Iterator[EngineClient]:
    """Yield a client of an engine in a process of its own.

    Parameters
    ----------
    arguments
        Of the ``wattstage`` command that is the engine.
    endpoint
        Where that command listens.
    end
        Whether the engine ends when this is left; otherwise it goes on.

    Raises
    ------
    EngineError
        If it does not start; its own message has been printed.
    """
    command = [sys.executable, "-m", "monitor.cli", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    with contextlib.ExitStack() as stack:
        leave = stack.enter_context(contextlib.ExitStack())
        leave.callback(_end, process)
        client = stack.enter_context(EngineClient(endpoint))
        _wait(process, client)
        yield client
        if end:
            with contextlib.suppress(EngineError):  # it may have ended by itself
                client.shutdown()
            process.wait(_STOP_S)
        else:
            leave.pop_all()


@contextlib.contextmanager
def _bench(arguments: list[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "monitor.bench", "--until-stdin-closes", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        try:
            hello = process.stdout.readline() if process.stdout is not None else b""
            if not hello:
                raise InstrumentError("the bench did not start; see its message above")
            yield json.loads(hello)["visa"]
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], client: EngineClient) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client.wait(0.5)
        except EngineError:
            continue
        return
    raise EngineError("the engine did not start; see its message above")
