"""Starts a program so that it marks its own stages, and marks the run around it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from monitor.errors import ConfigError
from monitor.markers.client import MarkerClient
from monitor.run.last_words import LastWords, last_words
from monitor.workload import shim
from monitor.workload.probe import version_of
from monitor.workload.timing import MODES

TIMINGS = MODES
"""Of edges on a GPU."""
_INJECT = Path(shim.__file__).with_name("inject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a program is run.

    Its stages are told to the broker of ``url``; None takes ``WATTSTAGE_BROKER``, else the one on
    this machine.
    """

    command: tuple[str, ...]
    url: str | None = None
    prefix: str = "wattstage"
    timing: str = "event"
    """How edges on a GPU are timed: event, sync or host."""
    all_ranks: bool = False
    """Whether every process of a distributed run tells its stages, not only rank 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a program."""

    exit_code: int
    """As a shell gives it: 128 and the signal's number, if it was killed."""
    n_lost: int
    """Markers of ours that nobody took."""
    problem: str
    """Why the broker could not be reached last; empty if it could."""


def run(launch: Launch) -> Outcome:
    """Run a program to its end; its input, output and arguments are its own.

    Raises
    ------
    ConfigError
        If it cannot be started.
    """
    if not launch.command:
        raise ConfigError("nothing to run: put the command after --, e.g. -- python train.py")
    client = MarkerClient(launch.url, run_id=uuid.uuid4().hex, prefix=launch.prefix, rank=0)
    span_id = client.begin("run", "", **_attrs(launch.command))
    with last_words() as words:
        env = environment(launch, client.run_id, span_id) | {shim.ABORT: str(words.file)}
        try:
            code = _call(launch.command, env, words)
        except OSError as error:
            client.end(span_id, status="error")
            client.close(0.5)
            raise ConfigError(
                f"{launch.command[0]!r} cannot be started: {error.strerror}; nothing was run"
            ) from error
        if code:
            client.point("abort", exit_code=code, reason=words.reason(code))
    client.end(span_id, status="ok" if code == 0 else "error")
    client.close()
    return Outcome(exit_code=code, n_lost=client.n_dropped, problem=client.problem)


def environment(launch: Launch, run_id: str, span_id: str) -> dict[str, str]:
    """Return the environment in which Python programs mark their stages."""
    made = dict(os.environ)
    made["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_INJECT), made.get("PYTHONPATH")]))
    made |= {
        shim.RUN_ID: run_id,
        shim.PARENT: span_id,
        shim.PREFIX: launch.prefix,
        shim.TIMING: launch.timing,
        shim.RANKS: "all" if launch.all_ranks else "0",
    }
    paho = importlib.util.find_spec("paho")
    if paho is not None and paho.submodule_search_locations:
        made[shim.PAHO] = str(Path(paho.submodule_search_locations[0]).parent)
    if launch.url is not None:
        made["WATTSTAGE_BROKER"] = launch.url
    return made


def _attrs(command: Sequence[str]) -> dict[str, Any]:
    attrs: dict[str, Any] = {"command": shlex.join(command)}
    version = version_of(Path("opensora"))
    if version:
        attrs["opensora"] = version
    commit = _commit(Path(".git"))
    if commit:
        attrs["commit"] = commit
    return attrs


def _commit(folder: Path) -> str:
    """Return what is checked out here; empty if that is not to be seen."""
    try:
        head = (folder / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head
        return (folder / head.removeprefix("ref: ")).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _call(command: Sequence[str], env: dict[str, str], words: LastWords) -> int:
    """Run a command; what ends us ends it, and its own end is waited for."""
    process = subprocess.Popen(command, env=env)
    words.pid = process.pid

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    # Ctrl-C reaches the program from the terminal, and is the program's to handle.
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code
