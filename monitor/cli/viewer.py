"""Looking at an engine: in the window, or in this terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from monitor.cli import window
from monitor.cli.signals import on_signal
from monitor.engine.client import EngineClient
from monitor.engine.launch import refuse_second, served
from monitor.errors import EngineError
from monitor.model import Snapshot
from monitor.terminal import live as terminal

_VIEW_S = 0.25
_LINE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """How an engine is shown."""

    window: bool
    seconds: float | None
    theme: str
    picture: Path | None
    out: Console

    def attach(self, endpoint: str) -> None:
        """Show an engine that is running; it goes on when the view is closed."""
        with EngineClient(endpoint) as client:
            client.hello()
            if not self.window:
                follow(client, self.out, seconds=self.seconds)
                return
        self._show(endpoint)

    def start(self, endpoint: str, arguments: list[str]) -> None:
        """Start an engine with further arguments and show it; it stays if it is recording."""
        refuse_second(endpoint)
        arguments = ["engine", "--endpoint", endpoint, *arguments]
        with served(arguments, endpoint, stay=True) as client:
            if self.window:
                self._show(endpoint)
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

    def _show(self, endpoint: str) -> None:
        window.show(endpoint=endpoint, theme=self.theme, seconds=self.seconds, picture=self.picture)


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
