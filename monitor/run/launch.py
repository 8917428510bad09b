"""Starts a program so that it marks its own stages, and marks the run around it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from monitor.errors import ConfigError, ProgramError
from monitor.markers.client import MarkerClient
from monitor.masking import masked
from monitor.run.chosen_stages import chosen_stages
from monitor.run.last_words import last_words
from monitor.run.log_stages import UNCERTAINTY_S, Lines, LogStages
from monitor.run.patterns import Pattern, load
from monitor.run.relay import Relay
from monitor.run.telemetry import beside
from monitor.run.why_log import opensora_version, patterns_for, why_not_hooked
from monitor.workload import shim
from monitor.workload.chosen import encoded
from monitor.workload.probe import version_of
from monitor.workload.timing import MODES

TIMINGS = MODES
"""Of edges on a GPU."""
_READ = {shim.HOOKS: "none", "PYTHONUNBUFFERED": "1"}  # lines are to come when they are written
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
    log: bool | None = None
    """Whether its stages are read from its log; None does so where hooks cannot be set."""
    patterns: str | None = None
    """What its log means: a TOML file, or a name of what is known; None is Open-Sora's."""
    stages: Path | None = None
    """TOML file that chooses functions of the program as stages; None chooses none."""
    telemetry: bool = True
    """Whether this host tells of its GPUs and processors meanwhile."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the stages of a program are read from its log."""

    patterns: tuple[Pattern, ...]
    why: str

    def __str__(self) -> str:
        """Return what is said of it."""
        return f"stages come from the log, to about {UNCERTAINTY_S:.0f} s: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a program."""

    exit_code: int
    """As a shell gives it: 128 and the signal's number, if it was killed."""
    lost: dict[str, int]
    """How many markers nobody took, the program's own among them, by why; 0 if not known."""


def run(launch: Launch, reading: Reading | None = None) -> Outcome:
    """Run a program to its end; its input, output and arguments are its own.

    Its stages are marked by hooks, or read from its log as ``how_to_read`` says.

    Raises
    ------
    ConfigError
        If there is none, or its stages are not understood.
    ProgramError
        If it cannot be started; then there was no run.
    """
    if not launch.command:
        raise ConfigError("nothing to run: put the command after --, e.g. -- python train.py")
    env = environment(launch)
    client = MarkerClient(launch.url, run_id=uuid.uuid4().hex, prefix=launch.prefix, rank=0)
    span_id = client.sender + ".run"
    attrs = _attrs(launch.command, reading)
    with ExitStack() as stack:
        words = stack.enter_context(last_words())
        env |= {shim.RUN_ID: client.run_id, shim.PARENT: span_id, shim.LAST_WORDS: str(words.file)}
        begun_ns = time.time_ns()

        def started(pid: int) -> None:
            words.pid = pid
            client.begin("run", "", span_id=span_id, time_ns=begun_ns, **attrs)
            if launch.telemetry:
                stack.enter_context(beside(client.run_id, launch.url, launch.prefix))

        if reading is None:
            code = _call(launch.command, env, started)
        else:
            stages = LogStages(client, span_id, reading.patterns)
            code = _call_and_read(launch.command, env | _READ, started, stages)
        if code:
            client.point("abort", exit_code=code, reason=words.reason(code))
        client.end(span_id, status="ok" if code == 0 else "error")
        client.close()
        lost = words.lost()
    if client.n_dropped:
        lost[client.problem] = lost.get(client.problem, 0) + client.n_dropped
    return Outcome(exit_code=code, lost=lost)


def environment(launch: Launch) -> dict[str, str]:
    """Return the environment in which Python programs mark their stages, as soon as a run is named.

    Raises
    ------
    ConfigError
        If the stages that are chosen are not understood.
    """
    made = dict(os.environ)
    made["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_INJECT), made.get("PYTHONPATH")]))
    made |= {
        shim.PREFIX: launch.prefix,
        shim.TIMING: launch.timing,
        shim.RANKS: "all" if launch.all_ranks else "0",
    }
    if launch.stages is not None:
        made[shim.STAGES] = encoded(chosen_stages(launch.stages))
    paho = importlib.util.find_spec("paho")
    if paho is not None and paho.submodule_search_locations:
        made[shim.PAHO] = str(Path(paho.submodule_search_locations[0]).parent)
    if launch.url is not None:
        made["WATTSTAGE_BROKER"] = launch.url
    return made


def how_to_read(launch: Launch) -> Reading | None:
    """Return how the stages are read from the log; None if hooks mark them.

    Raises
    ------
    ConfigError
        If the log is to be read, but what it means is not known.
    """
    if launch.patterns is not None:
        return Reading(load(launch.patterns), f"they are asked for by --patterns {launch.patterns}")
    version = opensora_version(launch.command, Path())
    if launch.log is False or not (launch.log or version):
        return None
    if not version:
        raise ConfigError(
            "--log: what the log of this program means is not known; name its patterns with"
            " --patterns FILE.toml"
        )
    why = "--log asks for it" if launch.log else why_not_hooked(launch.command, Path())
    return Reading(load(patterns_for(version)), why) if why else None


def _attrs(command: Sequence[str], reading: Reading | None) -> dict[str, Any]:
    attrs: dict[str, Any] = {"command": shlex.join(map(masked, command))}
    if reading is not None:
        attrs |= {"stages_from": "log", "stages_from_why": reading.why}
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


def _call_and_read(
    command: Sequence[str], env: dict[str, str], started: Callable[[int], None], stages: LogStages
) -> int:
    """Run a command, and read its stages from what it writes."""

    def take(text: str, is_ended: bool) -> None:
        stages.line(text, is_ended, time.time_ns())

    lines = {number: Lines(take) for number in (1, 2)}
    with Relay(lambda number, data: lines[number].feed(data)) as relay:
        code = _call(command, env, started, relay)
        relay.drain()
    stages.finish(time.time_ns(), "error" if code else "ok")
    return code


def _call(
    command: Sequence[str],
    env: dict[str, str],
    started: Callable[[int], None],
    relay: Relay | None = None,
) -> int:
    """Run a command; what ends us ends it, and its own end is waited for.

    ``started`` takes its process id before anything that it writes is read.
    """
    out, err = (None, None) if relay is None else (relay.file(1), relay.file(2))
    try:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=err)
    except OSError as error:
        raise ProgramError(
            f"{command[0]!r} cannot be started: {error.strerror}; nothing was run",
            127 if isinstance(error, FileNotFoundError) else 126,
        ) from error

    def pass_on(number: int, _: FrameType | None) -> None:
        if relay is not None:
            relay.resize()
        process.send_signal(number)

    # Ctrl-C reaches the program from the terminal, and is the program's to handle.
    passed = [signal.SIGTERM, signal.SIGHUP, *([signal.SIGWINCH] if relay is not None else [])]
    before = {number: signal.signal(number, pass_on) for number in passed}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        started(process.pid)
        if relay is not None:
            relay.start()
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code
