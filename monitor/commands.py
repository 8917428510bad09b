"""What the commands do, once their words are parsed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from monitor import demo as lab
from monitor import terminal
from monitor.config import (
    InputSettings,
    InstrumentSettings,
    MarkerSettings,
    Settings,
    check,
    load,
)
from monitor.engine import assemble
from monitor.engine import endpoint as endpoints
from monitor.engine.client import EngineClient
from monitor.engine.server import Engine, refuse_second
from monitor.errors import ConfigError, EngineError, RecordingError
from monitor.model import Quantity, Snapshot
from monitor.recording.recorder import Recorder
from monitor.sources.elmorlabs import CaptureSource

Visa = Annotated[
    str | None, typer.Option(help="VISA address, e.g. TCPIP::192.168.1.20::5025::SOCKET.")
]
Config = Annotated[Path | None, typer.Option(help="Settings file (TOML).")]
Seconds = Annotated[
    float | None, typer.Option(help="End by itself after so many seconds.", min=0.1)
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to make.")]
Broker = Annotated[
    str | None, typer.Option(help="embedded, none, or mqtt://HOST:PORT.", show_default="embedded")
]
Endpoint = Annotated[
    str | None, typer.Option(help="Where the engine listens.", show_default="one per user")
]

_VIEW_S = 0.25
_LINE_S = 5.0
_IMPORT_AHEAD_S = 60.0  # of data: an import is read no further ahead of the disk


def recordings_folder() -> Path:
    """Return where recordings land: ``WATTSTAGE_RECORDINGS``, else ``recordings`` here."""
    folder = Path(os.environ.get("WATTSTAGE_RECORDINGS", "recordings"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the recordings folder {folder} cannot be made: {error.strerror};"
            " choose a file with -o, or set WATTSTAGE_RECORDINGS"
        ) from error
    return folder


def has_display() -> bool:
    """Return whether a window can be shown."""
    return any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def settings(
    config: Path | None,
    *,
    visa: str | None,
    voltage: int = 1,
    current: int = 2,
    amps_per_volt: float | None = None,
    rate_hz: float | None = None,
    record_s: float | None = None,
    broker: str | None = None,
) -> Settings:
    """Return the settings of a file or of a command line, checked."""
    if (config is None) == (visa is None):
        raise ConfigError("name the instrument: either --visa ADDRESS or --config FILE")
    if config is not None:
        made = load(config)
    else:
        clamp = InputSettings(input=current, quantity=Quantity.CURRENT)
        if amps_per_volt is not None:
            clamp = msgspec.structs.replace(clamp, reports="volts", ratio=amps_per_volt)
        instrument = InstrumentSettings(
            address=visa or "",
            inputs=(InputSettings(input=voltage, quantity=Quantity.VOLTAGE), clamp),
            sample_rate_hz=rate_hz,
            record_s=record_s,
        )
        made = check(Settings(instrument=instrument), "command line")
    if broker is not None:
        made = msgspec.structs.replace(
            made, markers=MarkerSettings(broker=broker, prefix=made.markers.prefix)
        )
    return made


def record(
    settings: Settings,
    path: Path,
    *,
    seconds: float | None,
    endpoint: str | None,
    quiet: bool,
    out: Console,
) -> None:
    """Record an instrument to a file; Ctrl-C ends it in good order."""
    if path.exists():
        raise ConfigError(f"{path} exists already; choose another file, nothing was recorded")
    where = endpoint or _free_endpoint()

    async def work() -> Engine:
        async with assemble.live(settings, endpoint=where, recordings=path.parent) as engine:
            async with _ends_on_signal(engine), _shown(engine, out, quiet=quiet):
                await engine.run(record=path, seconds=seconds)
            return engine

    engine = asyncio.run(work())
    for made in engine.recorded:
        out.print(f"recorded {made}", soft_wrap=True, highlight=False)


def serve(settings: Settings, *, endpoint: str) -> None:
    """Serve an instrument until told to stop."""

    async def work() -> None:
        made = assemble.live(settings, endpoint=endpoint, recordings=recordings_folder())
        async with made as engine, _ends_on_signal(engine):
            await engine.run()

    asyncio.run(work())


def replay(path: Path, *, start_s: float, speed: float, endpoint: str) -> None:
    """Serve a recording as if it were live, until told to stop."""

    async def work() -> None:
        made = assemble.replay(
            path, speed=speed, start_s=start_s, endpoint=endpoint, recordings=path.parent
        )
        async with made as engine, _ends_on_signal(engine):
            await engine.run(linger=True)

    asyncio.run(work())


def import_elmorlabs(
    folder: Path, output: Path, *, rate_hz: float, signed: bool, out: Console
) -> None:
    """Turn a power meter's capture into a recording."""

    async def work() -> None:
        async with CaptureSource(folder, sample_rate_hz=rate_hz, signed=signed) as source:
            with Recorder(output, source.info) as recorder:
                async with contextlib.aclosing(source.items()) as items:
                    async for item in items:
                        recorder.put(item)
                        while recorder.state.queued_s > _IMPORT_AHEAD_S:
                            await asyncio.sleep(0.01)  # a thread's state
        if recorder.state.error:
            raise RecordingError(recorder.state.error)

    asyncio.run(work())
    out.print(f"imported {output}", soft_wrap=True, highlight=False)


def bench(arguments: list[str]) -> int:
    """Run the virtual lab in this process."""
    from monitor.bench.__main__ import main  # noqa: PLC0415  # only who runs it loads it

    return main(arguments)


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

    def start(
        self, endpoint: str, *, visa: str | None, config: Path | None, broker: str | None
    ) -> None:
        """Start an engine and show it; it ends with the view unless it is recording."""
        settings(config, visa=visa, broker=broker)  # a wrong one is told before anything starts
        refuse_second(endpoint)
        arguments = ["engine", "--endpoint", endpoint]
        for name, value in (("--visa", visa), ("--config", config), ("--broker", broker)):
            arguments += [name, str(value)] if value is not None else []
        with lab.served(arguments, endpoint, end=False) as client:
            if self.window:
                self._show(endpoint=endpoint, recording=None)
            else:
                follow(client, self.out, seconds=self.seconds)
            recording = client.frame(n_columns=1).snapshot.recording
            if recording is None:
                client.shutdown()
                return
        self.out.print(
            f"still recording to {recording.path}: `wattstage watch --attach` returns to it,"
            " `wattstage stop` ends it"
        )

    def _show(self, *, endpoint: str | None, recording: Path | None) -> None:
        try:
            from ui.app import run  # noqa: PLC0415  # the core runs without Qt
        except ImportError as error:
            raise ConfigError(
                f"the window needs Qt ({error}); install wattstage[ui], or use --terminal"
            ) from error
        code = run(
            endpoint=endpoint,
            recording=recording,
            theme=self.theme,
            seconds=self.seconds,
            picture=self.picture,
        )
        if code:
            raise EngineError(f"the window ended with code {code}")


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
    viewer.out.print(terminal.stages(table))
    viewer.out.print(f"recorded {path}", soft_wrap=True, highlight=False)


def follow(client: EngineClient, out: Console, *, seconds: float | None) -> None:
    """Show an engine in the terminal until it ends, Ctrl-C, or ``seconds`` have passed."""

    async def work() -> None:
        stop = asyncio.Event()
        async with _on_signal(stop.set):
            view = _View(out, lambda: client.frame(n_columns=1).snapshot)
            with contextlib.suppress(TimeoutError, EngineError):
                async with asyncio.timeout(seconds):
                    await view.run(stop)

    asyncio.run(work())


class _View:
    """Draws snapshots: a live panel on a terminal, a line now and then in a log."""

    def __init__(self, out: Console, snapshot: Callable[[], Snapshot]) -> None:
        self._out = out
        self._snapshot = snapshot

    async def run(self, stop: asyncio.Event) -> None:
        period = _VIEW_S if self._out.is_terminal else _LINE_S
        with (
            Live(console=self._out, auto_refresh=False)
            if self._out.is_terminal
            else (contextlib.nullcontext()) as live
        ):
            while not stop.is_set():
                snapshot = self._snapshot()
                if live is None:
                    self._out.print(terminal.line(snapshot), soft_wrap=True, highlight=False)
                else:
                    live.update(terminal.live(snapshot), refresh=True)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(period):
                        await stop.wait()


@contextlib.asynccontextmanager
async def _shown(engine: Engine, out: Console, *, quiet: bool) -> AsyncIterator[None]:
    if quiet:
        yield
        return
    stop = asyncio.Event()
    view = asyncio.create_task(_View(out, lambda: engine.session.snapshot).run(stop))
    try:
        yield
    finally:
        stop.set()
        await view


@contextlib.asynccontextmanager
async def _ends_on_signal(engine: Engine) -> AsyncIterator[None]:
    async with _on_signal(engine.stop):
        yield


@contextlib.asynccontextmanager
async def _on_signal(act: Callable[[], None]) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _free_endpoint() -> str:
    """Return the user's endpoint, or one of this process if an engine listens there."""
    try:
        refuse_second(endpoints.default())
    except EngineError:
        return endpoints.own()
    return endpoints.default()
