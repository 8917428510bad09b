"""Sets the hooks in a Python that ``wattstage run`` has started."""

from __future__ import annotations

import atexit
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .calls import replace_in
from .chosen import decoded, mark
from .diffusers import Diffusers
from .hooktable import TARGETS
from .imports import ImportWatch
from .opensora import OpenSora
from .probe import version_of
from .spans import told
from .timing import MODES, make_timing
from .traces import hide_us
from .tracker import Tracker

if TYPE_CHECKING:
    from types import ModuleType

    from ..markers.client import MarkerClient
    from .hooktable import Target

RUN_ID = "WATTSTAGE_RUN_ID"
"""Environment variable: names the run; without it nothing is hooked."""
PARENT = "WATTSTAGE_PARENT"
"""Span id of the run."""
PREFIX = "WATTSTAGE_PREFIX"
TIMING = "WATTSTAGE_TIMING"
"""event, sync or host."""
RANKS = "WATTSTAGE_RANKS"
"""``all``, or 0: which processes of a run tell their stages."""
HOOKS = "WATTSTAGE_HOOKS"
"""``none`` where the stages come from the program's log."""
STAGES = "WATTSTAGE_STAGES"
"""What the user has chosen, as ``chosen.encoded`` writes it."""
LAST_WORDS = "WATTSTAGE_LAST_WORDS"
"""File to which a process adds what has ended it, and which markers it has lost."""
PAHO = "WATTSTAGE_PAHO"
"""Folder that contains paho-mqtt, for a Python that has none."""


def install() -> None:
    """Wait for what we know to be imported, and hook it."""
    rank = os.environ.get("RANK", "0")
    mode = os.environ.get(TIMING, "event")
    timing = make_timing(mode if mode in MODES else "event")

    def client() -> MarkerClient:
        made = _client()
        atexit.register(finish)  # after the client's own end was, so that it is done before
        return made

    def finish() -> None:
        status = "ok" if _uncaught() is None else "error"
        stages.finish(status)
        tracker.finish(status)

    tracker = Tracker(client, timing, os.environ.get(PARENT, ""))
    stages = OpenSora(tracker)
    atexit.register(_tell_what_ended_it, tracker, rank)
    if rank != "0" and os.environ.get(RANKS) != "all":
        return
    watch = ImportWatch(tracker.failed)
    if os.environ.get(HOOKS) != "none":
        watch.when("opensora", functools.partial(_hook, watch, stages, tracker))
        Diffusers(tracker).watch(watch)
    mark(decoded(os.environ.get(STAGES) or "[]"), watch, tracker)
    watch.install()
    hide_us()


def _hook(watch: ImportWatch, stages: OpenSora, tracker: Tracker, package: ModuleType) -> None:
    """Set the hooks that the table has for this version, each when its module is imported."""
    version = version_of(Path(next(iter(package.__path__))))
    if not version:
        return
    for target in TARGETS[version]:
        watch.when(target.module, functools.partial(_replace, stages, tracker, target))
    tracker.point("opensora", version=version, timing_mode=os.environ.get(TIMING, "event"))


def _replace(stages: OpenSora, tracker: Tracker, target: Target, module: ModuleType) -> None:
    replace_in(module, target.name, stages.hook(target.hook), tracker.failed)


def _uncaught() -> BaseException | None:
    """Return what ends the program, which Python has printed."""
    error: BaseException | None = getattr(sys, "last_value", None)
    return error


def _tell_what_ended_it(tracker: Tracker, rank: str) -> None:
    """Leave word for who started the program; it counts if the program has failed."""
    uncaught = _uncaught()
    text = tracker.error if uncaught is None else told(uncaught)
    if text:
        from ..markers.client import leave_word  # noqa: PLC0415  # few programs need it

        leave_word(ended_by=text if rank == "0" else f"rank {rank}: {text}")


def _client() -> MarkerClient:
    """Return what sends the markers, by what the environment says."""
    from ..markers.client import MarkerClient  # noqa: PLC0415  # only a program that is marked

    return MarkerClient(
        run_id=os.environ[RUN_ID], prefix=os.environ.get(PREFIX, "wattstage") or "wattstage"
    )
