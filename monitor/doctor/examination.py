"""Everything that is looked at, each with its own limit of time, so that nothing can hang."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from monitor.config import MarkerSettings, Settings, load
from monitor.doctor import host, instrument, meters, workload
from monitor.doctor.report import Line, failed
from monitor.errors import ConfigError, WattstageError

_PATIENCE_S = 30.0  # beyond what is measured; every part has shorter limits of its own
_LISTEN_S = 2.0

Check = Callable[[], Iterator[Line]]


def examine(
    profile: Path | None,
    *,
    folder: Path,
    seconds: float,
    patience_s: float = _PATIENCE_S,
) -> Iterator[Line]:
    """Yield what is found, in the order in which it is known.

    Parameters
    ----------
    profile
        None leaves the instrument out.
    folder
        Where recordings go.
    seconds
        That are measured.
    patience_s
        After which a part that has not ended by then is given up.
    """
    settings: Settings | None = None
    if profile is None:
        yield Line(
            id="profile",
            level="skip",
            what="no profile, so the instrument was not looked at",
            fix="wattstage setup makes one; then wattstage doctor --config PROFILE",
        )
    else:
        try:
            settings = load(profile)
            yield Line(id="profile", level="ok", what=f"{profile} makes sense")
        except ConfigError as error:
            yield failed("profile", error)
    yield from together(_parts(settings, folder, seconds), patience_s + seconds)


def _parts(settings: Settings | None, folder: Path, seconds: float) -> dict[str, Check]:
    """Return what is looked at at the same time."""
    scope = settings.instrument if settings is not None else None
    markers = settings.markers if settings is not None else MarkerSettings()
    flow = instrument.expected_flow(scope)

    def measure() -> Iterator[Line]:
        if scope is not None:
            yield from instrument.examine(scope, seconds, flow)
        # Afterwards, so that neither disturbs the other, and the flow is known.
        yield from host.disk(host.nearest(folder), flow.bytes_per_s)

    parts: dict[str, Check] = {
        "instrument": measure,
        "broker": lambda: workload.examine(markers, _LISTEN_S),
        "host-clock": host.clock,
    }
    if settings is not None and settings.meters:
        parts["meter"] = lambda: meters.examine(settings.meters)
    return parts


def together(parts: dict[str, Check], limit_s: float) -> Iterator[Line]:
    """Yield the lines of parts that run at the same time; give up those that take too long.

    Each has a thread of its own that dies with the process: a driver may wait for ever.
    """
    told: queue.Queue[tuple[str, Line | None]] = queue.Queue()
    for name, check in parts.items():
        threading.Thread(target=_run, args=(name, check, told), daemon=True).start()
    waiting = set(parts)
    deadline = time.monotonic() + limit_s
    while waiting:
        with contextlib.suppress(queue.Empty):
            name, line = told.get(timeout=max(0.0, deadline - time.monotonic()))
            if line is None:
                waiting.discard(name)
            else:
                yield line
            continue
        for name in sorted(waiting):
            yield Line(
                id=name,
                level="fail",
                what=f"no answer in {limit_s:.0f} s; it was given up",
                fix="switch it off and on, check its cable, and whether another program holds it",
            )
        return


def _run(name: str, check: Check, told: queue.Queue[tuple[str, Line | None]]) -> None:
    try:
        for line in check():
            told.put((name, line))
    except WattstageError as error:
        told.put((name, failed(name, error)))
    except Exception as error:  # one broken part must not hide what the others found
        what = f"the examination itself failed: {type(error).__name__}: {error}"
        told.put((name, Line(id=name, level="fail", what=what, fix="please report it")))
    finally:
        told.put((name, None))
