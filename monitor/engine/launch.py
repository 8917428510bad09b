"""An engine in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from monitor.engine.client import EngineClient
from monitor.errors import EngineError

_START_S = 20.0  # a cold Python on a slow disk
_STOP_S = 20.0


@contextlib.contextmanager
def served(arguments: list[str], endpoint: str, *, stay: bool) -> Iterator[EngineClient]:
    """Yield a client of an engine in a process of its own.

    Parameters
    ----------
    arguments
        Of the ``wattstage`` command that is the engine.
    endpoint
        Where that command listens.
    stay
        Whether the engine goes on when this is left in good order.

    Raises
    ------
    EngineError
        If it does not start; its own message has been printed.
    """
    command = [sys.executable, "-m", "monitor.cli", *arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    with contextlib.ExitStack() as stack:
        leave = stack.enter_context(contextlib.ExitStack())
        leave.callback(end, process)
        _wait(process, endpoint)
        client = stack.enter_context(EngineClient(endpoint))
        yield client
        if not stay:
            with contextlib.suppress(EngineError):  # it may have ended by itself
                client.shutdown()
            process.wait(_STOP_S)
        else:
            leave.pop_all()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process in good order, or else."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _wait(process: subprocess.Popen[bytes], endpoint: str) -> None:
    deadline = time.monotonic() + _START_S
    with EngineClient(endpoint, timeout_s=0.3) as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(EngineError):
                client.hello()
                return
    raise EngineError("the engine did not start; see its message above")


def refuse_second(endpoint: str) -> None:
    """Raise EngineError if an engine answers there already."""
    with EngineClient(endpoint, timeout_s=0.3) as client:
        try:
            welcome = client.hello()
        except EngineError:
            return
    raise EngineError(
        f"an engine already runs at {endpoint} (process {welcome.pid}); look at it with"
        " `wattstage watch --attach`, end it with `wattstage stop`, or choose another --endpoint"
    )
