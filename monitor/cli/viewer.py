"""Looking at a session: in the window, which is a process of its own, or in this terminal."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.live import Live

from monitor.engine.client import EngineClient
from monitor.engine.launch import refuse_second, served
from monitor.errors import ConfigError, EngineError
from monitor.model import Snapshot
from monitor.terminal import live as terminal

_VIEW_S = 0.25
_LINE_S = 5.0
_ENDS = tuple(s for s in signal.Signals if s.name in {"SIGTERM", "SIGHUP"})  # that there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """How a session is shown."""

    window: bool
    seconds: float | None
    theme: str
    picture: Path | None
    out: Console

    def open(self, path: Path) -> None:
        """Show a recording."""
        if not self.window:
            raise ConfigError("a recording needs the window; `wattstage stages FILE` is the text")
        self._show(endpoint=None, recording=path)

    def attach(self, endpoint: str) -> None:
        """Show an engine that is running; it goes on when the view is closed."""
        with EngineClient(endpoint) as client:
            client.hello()
            if not self.window:
                follow(client, self.out, seconds=self.seconds)
                return
        self._show(endpoint=endpoint, recording=None)

    def start(self, endpoint: str, arguments: list[str]) -> None:
        """Start an engine with further arguments and show it; it stays if it is recording."""
        refuse_second(endpoint)
        arguments = ["engine", "--endpoint", endpoint, *arguments]
        with served(arguments, endpoint, stay=True) as client:
            if self.window:
                self._show(endpoint=endpoint, recording=None)
            else:
                follow(client, self.out, seconds=self.seconds)
            try:
                recording = client.frame(n_columns=1).snapshot.recording
                if recording is None:
                    client.shutdown()
            except EngineError:  # ended from elsewhere, as `wattstage stop` does
                recording = None
        if recording is None:
            return
        self.out.print(
            f"still recording to {recording.path}: `wattstage watch --attach` returns to it,"
            " `wattstage stop` ends it"
        )

    def set_up(self, *, address: str | None, out: Path | None) -> Path | None:
        """Let somebody set an instrument up; return the profile to measure with, if any."""
        _need_qt()
        command = [sys.executable, "-m", "ui", "--setup", f"--theme={self.theme}"]
        command += [f"--address={address}"] if address is not None else []
        command += [f"--out={out}"] if out is not None else []
        done = _run(command, stdout=subprocess.PIPE)
        if done.returncode:
            raise typer.Exit(done.returncode)
        return Path(done.stdout) if done.stdout else None

    def _show(self, *, endpoint: str | None, recording: Path | None) -> None:
        _need_qt()
        options = {
            "endpoint": endpoint,
            "recording": recording,
            "theme": self.theme,
            "seconds": self.seconds,
            "picture": self.picture,
        }
        command = [sys.executable, "-m", "ui"]
        for name, value in options.items():
            command += [f"--{name}", str(value)] if value is not None else []
        if code := _run(command).returncode:
            raise typer.Exit(code)


def _need_qt() -> None:
    if importlib.util.find_spec("PySide6") is None:
        raise ConfigError(
            "the window needs Qt, which is not installed: install wattstage[ui], or use --terminal"
        )


def follow(client: EngineClient, out: Console, *, seconds: float | None) -> None:
    """Show an engine in the terminal until it ends, Ctrl-C, or ``seconds`` have passed."""

    async def work() -> None:
        stop = asyncio.Event()
        async with on_signal(stop.set):
            view = TerminalView(out, lambda: client.frame(n_columns=1).snapshot)
            with contextlib.suppress(TimeoutError, EngineError):
                async with asyncio.timeout(seconds):
                    await view.run(stop)

    asyncio.run(work())


class TerminalView:
    """Draws snapshots: a live panel on a terminal, a line now and then in a log."""

    def __init__(self, out: Console, snapshot: Callable[[], Snapshot]) -> None:
        self._out = out
        self._snapshot = snapshot

    async def run(self, stop: asyncio.Event) -> None:
        """Draw until told to stop."""
        if self._out.is_terminal:
            with Live(console=self._out, auto_refresh=False) as live:
                while not await _set_within(stop, _VIEW_S):
                    live.update(terminal.live(self._snapshot()), refresh=True)
        else:
            while not await _set_within(stop, _LINE_S):
                line = terminal.line(self._snapshot())
                self._out.print(line, soft_wrap=True, highlight=False)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _run(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a window to its end; what asks us to end is the window's to handle.

    An interrupt reaches it by itself, as it comes from the terminal that both have.
    """
    with subprocess.Popen(command, text=True, **how) as window:

        def pass_on(*_: object) -> None:
            window.terminate()

        before = {number: signal.signal(number, pass_on) for number in _ENDS}
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            out = window.communicate()[0]
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return subprocess.CompletedProcess(command, window.returncode, out)


@contextlib.asynccontextmanager
async def on_signal(act: Callable[[], object]) -> AsyncIterator[None]:
    """Call ``act`` when the process is asked to end, in the loop's own time."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, *_ENDS)
    for number in numbers:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
