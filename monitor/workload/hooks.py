"""Sets the hooks in a Python that ``wattstage run`` has started, once it needs them."""

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
from .shim import HOOKS, OPENSORA, PARENT, PREFIX, RUN_ID, STAGES, TIMING
from .timing import MODES, make_timing
from .traces import hide_us
from .tracker import Tracker

if TYPE_CHECKING:
    from types import ModuleType

    from ..markers.client import MarkerClient
    from .hooktable import Target
    from .shim import LastWord


def install(ending: LastWord) -> None:
    """Wait for what we know to be imported, and hook it."""
    mode = os.environ.get(TIMING, "event")
    timing = make_timing(mode if mode in MODES else "event")

    def client() -> MarkerClient:
        made = _client()
        atexit.register(finish)  # after the client's own end was, so that it is done before
        return made

    def finish() -> None:
        status = "ok" if getattr(sys, "last_value", None) is None else "error"
        stages.finish(status)
        tracker.finish(status)

    tracker = Tracker(client, timing, os.environ.get(PARENT, ""))
    stages = OpenSora(tracker)
    ending.of_a_stage = lambda: tracker.error
    watch = ImportWatch(tracker.failed)
    if os.environ.get(HOOKS) != "none":
        for name in OPENSORA:
            watch.when(name, functools.partial(_hook, watch, stages, tracker))
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


def _client() -> MarkerClient:
    """Return what sends the markers, by what the environment says."""
    from ..markers.client import MarkerClient  # noqa: PLC0415  # only a program that is marked

    return MarkerClient(
        run_id=os.environ[RUN_ID], prefix=os.environ.get(PREFIX, "wattstage") or "wattstage"
    )
