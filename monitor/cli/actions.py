"""What the commands do, once their words are parsed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from rich.console import Console

from monitor.cli import demo as lab
from monitor.cli.instrument import made_recordings_folder
from monitor.cli.signals import on_signal
from monitor.cli.viewer import TerminalView, Viewer, follow
from monitor.config import (
    Settings,
)
from monitor.engine import assemble
from monitor.engine import endpoint as endpoints
from monitor.engine.launch import refuse_second
from monitor.engine.server import Engine
from monitor.errors import ConfigError, EngineError
from monitor.terminal.stages import StageText


def record(
    settings: Settings,
    path: Path,
    *,
    seconds: float | None,
    endpoint: str | None,
    quiet: bool,
    until_stdin_closes: bool,
    out: Console,
) -> None:
    """Record an instrument to a file; Ctrl-C ends it in good order."""
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another file, nothing was recorded")
    where = endpoint or _free_endpoint()

    async def work() -> Engine:
        async with assemble.live(settings, endpoint=where, recordings=path.parent) as engine:
            async with on_signal(engine.stop), _shown(engine, out, quiet=quiet):
                with _ends_with_stdin(engine, wanted=until_stdin_closes):
                    await engine.run(record=path, seconds=seconds)
            return engine

    engine = asyncio.run(work())
    for made in engine.recorded:
        out.print(f"recorded {made}", soft_wrap=True, highlight=False)


def serve(settings: Settings, *, endpoint: str) -> None:
    """Serve an instrument until told to stop."""

    async def work() -> None:
        made = assemble.live(settings, endpoint=endpoint, recordings=made_recordings_folder())
        async with made as engine, on_signal(engine.stop):
            await engine.run()

    asyncio.run(work())


def replay(path: Path, *, start_s: float, speed: float, endpoint: str) -> None:
    """Serve a recording as if it were live, until told to stop."""

    async def work() -> None:
        made = assemble.replay(
            path, speed=speed, start_s=start_s, endpoint=endpoint, recordings=path.parent
        )
        async with made as engine, on_signal(engine.stop):
            await engine.run(linger=True)

    asyncio.run(work())


def demo(
    path: Path,
    *,
    bench: list[str],
    record: list[str],
    viewer: Viewer,
) -> None:
    """Run bench, broker, engine and a view; print where the recording is."""
    endpoint = endpoints.own()
    with lab.running(path, endpoint, bench=bench, engine=record) as client:
        if viewer.window:
            viewer.attach(endpoint)
        else:
            follow(client, viewer.out, seconds=viewer.seconds)
        table = client.table()
    viewer.out.print(StageText(table))
    viewer.out.print(f"recorded {path}", soft_wrap=True, highlight=False)


@contextlib.asynccontextmanager
async def _shown(engine: Engine, out: Console, *, quiet: bool) -> AsyncIterator[None]:
    if quiet:
        yield
        return
    stop = asyncio.Event()
    view = asyncio.create_task(TerminalView(out, lambda: engine.session.snapshot).run(stop))
    try:
        yield
    finally:
        stop.set()
        await view


@contextlib.contextmanager
def _ends_with_stdin(engine: Engine, *, wanted: bool) -> Iterator[None]:
    """End the engine when standard input does, as it does when whoever started it dies."""
    if not wanted:
        yield
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            engine.stop()

    loop.add_reader(0, read)
    try:
        yield
    finally:
        loop.remove_reader(0)


def _free_endpoint() -> str:
    """Return the user's endpoint, or one of this process if an engine listens there."""
    try:
        refuse_second(endpoints.default())
    except EngineError:
        return endpoints.own()
    return endpoints.default()
