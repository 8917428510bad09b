"""What the commands do, once their words are parsed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from rich.console import Console

from monitor.cli import demo as lab
from monitor.cli import options
from monitor.cli.viewer import TerminalView, Viewer, follow, on_signal
from monitor.config import (
    Settings,
)
from monitor.engine import assemble
from monitor.engine import endpoint as endpoints
from monitor.engine.launch import refuse_second
from monitor.engine.server import Engine
from monitor.errors import BrokerError, ConfigError, EngineError
from monitor.markers.client import MarkerClient
from monitor.mqtt.address import reach
from monitor.mqtt.diagnosis import check as look_at_broker
from monitor.run import launch as launching
from monitor.telemetry.report import ROLE, Telemetry
from monitor.terminal.stages import StageText

_PATIENCE_S = 2.0  # with a broker, until it is told that there is none


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
        made = assemble.live(
            settings, endpoint=endpoint, recordings=options.made_recordings_folder()
        )
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


def bench(arguments: list[str]) -> int:
    """Run the virtual lab in this process."""
    from monitor.bench.__main__ import main  # noqa: PLC0415  # only who runs it loads it

    return main(arguments)


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


def run(launch: launching.Launch) -> int:
    """Run a program and return its exit code; what became of its markers is said at the end."""
    if launch.timing not in launching.TIMINGS:
        raise ConfigError(
            f"--timing must be one of {', '.join(launching.TIMINGS)}, got {launch.timing!r}"
        )
    if (reading := launching.how_to_read(launch)) is not None:
        sys.stderr.write(f"wattstage: {reading}\n")
    outcome = launching.run(launch, reading)
    _tell_lost(outcome.lost, launch.url)
    return outcome.exit_code


def _tell_lost(lost: dict[str, int], url: str | None) -> None:
    """Say how many markers were lost, and why; in one line where nobody could be reached."""
    unreachable = _why_not(url) if lost else ""
    if unreachable:
        lost = {unreachable: sum(lost.values())}
    for why, n in lost.items():
        sys.stderr.write(
            f"wattstage: {f'{n} ' if n else ''}markers of the run were lost:"
            f" {why or 'the broker did not take them'}\n"
        )


def telemetry(url: str | None, prefix: str, interval_s: float, powercap: Path) -> None:
    """Tell of this host until a signal; first what it tells, and what it cannot.

    Raises
    ------
    ConfigError
        If there is nothing to tell.
    """
    host = Telemetry(interval_s, powercap)
    for text in host.notes:
        sys.stderr.write(f"wattstage: {text}\n")
    if not host.sensors:
        raise ConfigError("this host has nothing to tell: neither a GPU nor a processor's power")
    for sensor in host.sensors:
        note = f" ({sensor.note})" if sensor.note else ""
        sys.stdout.write(f"{sensor.name} in {sensor.unit}, {sensor.device}{note}\n")
    sys.stdout.flush()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with MarkerClient(url, prefix=prefix, role=ROLE) as client:

        def tell() -> None:
            if not client.connected:
                why = _why_not(url) or client.problem
                sys.stderr.write(f"wattstage: nobody hears it yet: {why}; trying again\n")

        patience = threading.Timer(_PATIENCE_S, tell)
        patience.start()
        host.publish(client, over.wait)
        patience.cancel()


def _why_not(url: str | None) -> str:
    """Return why markers cannot be told to a broker now; empty if they can."""
    url = url or os.environ.get("WATTSTAGE_BROKER") or "mqtt://127.0.0.1:1883"
    if url == "none":
        return "nobody is to hear of it (none)"
    try:
        where = reach(url)
        look_at_broker(where, f"wattstage-run-{os.getpid()}")
    except (BrokerError, ConfigError) as error:
        return str(error)
    return ""
