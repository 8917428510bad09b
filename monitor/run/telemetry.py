"""Has this host tell of itself while a program runs."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

from monitor.workload import shim

logger = logging.getLogger(__name__)

_GOODBYE_S = 3.0  # that it may take to end


@contextlib.contextmanager
def beside(run_id: str, url: str | None, prefix: str) -> Iterator[None]:
    """Start telemetry in a process of its own, and end it; what becomes of it changes nothing.

    Parameters
    ----------
    run_id
        The run that it is told beside.
    url
        Of the broker; None takes ``WATTSTAGE_BROKER``, else the one on this machine.
    prefix
        First level of the topics.
    """
    env = {**os.environ, shim.RUN_ID: run_id, shim.PREFIX: prefix}
    if url is not None:
        env["WATTSTAGE_BROKER"] = url
    process = None if env.get("WATTSTAGE_BROKER") == "none" else _started(env)
    try:
        yield
    finally:
        if process is not None:
            _end(process)


def _started(env: dict[str, str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            # -P: a folder here that is called monitor is the program's, not ours.
            [sys.executable, "-P", "-m", "monitor.telemetry"],
            env=env,
            stdin=subprocess.PIPE,  # it ends when that does, however we end
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the program
        )
    except OSError as error:
        logger.warning("no telemetry of this host: %s", error)
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_GOODBYE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
