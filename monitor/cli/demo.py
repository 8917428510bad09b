"""The main job on one machine: bench, broker, engine and a view of them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from monitor.engine.client import EngineClient
from monitor.engine.launch import end, served
from monitor.errors import InstrumentError
from monitor.markers.broker import EmbeddedBroker


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
        arguments += ["--until-stdin-closes"]  # so that nothing outlives a demo that is killed
        command = ["record", *arguments, "--endpoint", endpoint]
        yield stack.enter_context(served([*command, *engine], endpoint, stay=False))


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
            end(process)
