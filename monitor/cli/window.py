"""The window: a process of its own, which ends with the command that started it."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer

from monitor.cli.signals import ENDS
from monitor.errors import ConfigError


def show(
    *,
    endpoint: str | None = None,
    recording: Path | None = None,
    theme: str,
    seconds: float | None,
    picture: Path | None,
) -> None:
    """Show an engine or a recording until the window is closed.

    Raises
    ------
    ConfigError
        If Qt is not installed.
    typer.Exit
        With the window's exit code, if it is not 0; the window has said why.
    """
    _need_qt()
    options = {
        "endpoint": endpoint,
        "recording": recording,
        "theme": theme,
        "seconds": seconds,
        "picture": picture,
    }
    command = [sys.executable, "-m", "ui"]
    for name, value in options.items():
        command += [f"--{name}", str(value)] if value is not None else []
    if code := _run(command).returncode:
        raise typer.Exit(code)


def set_up(*, theme: str, address: str | None, out: Path | None) -> Path | None:
    """Let somebody set an instrument up; return the profile to measure with, if any."""
    _need_qt()
    command = [sys.executable, "-m", "ui", "--setup", f"--theme={theme}"]
    command += [f"--address={address}"] if address is not None else []
    command += [f"--out={out}"] if out is not None else []
    done = _run(command, stdout=subprocess.PIPE)
    if done.returncode:
        raise typer.Exit(done.returncode)
    return Path(done.stdout) if done.stdout else None


def _need_qt() -> None:
    if importlib.util.find_spec("PySide6") is None:
        raise ConfigError(
            "the window needs Qt, which is not installed: install wattstage[ui], or use --terminal"
        )


def _run(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a window to its end; what asks us to end is the window's to handle.

    An interrupt reaches it by itself, as it comes from the terminal that both have.
    """
    with subprocess.Popen(command, text=True, **how) as window:

        def pass_on(*_: object) -> None:
            window.terminate()

        before = {number: signal.signal(number, pass_on) for number in ENDS}
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            out = window.communicate()[0]
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return subprocess.CompletedProcess(command, window.returncode, out)
