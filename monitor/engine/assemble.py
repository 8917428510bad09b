"""From settings to an engine that is ready to run: source, markers, session, server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from monitor.config import HistorySettings, MarkerSettings, MeterSettings, MetricsSettings, Settings
from monitor.engine.server import Engine, Pacer
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.feed import MarkerFeed
from monitor.masking import masked
from monitor.mqtt import tls
from monitor.mqtt.address import parse, reach
from monitor.recording.reader import Recording
from monitor.session import Session
from monitor.sources import choice
from monitor.sources.clock import Clock, SystemClock
from monitor.sources.meters import make as meters
from monitor.sources.replay import ReplaySource
from monitor.sources.source import Source

_BROKER_WAIT_S = 5.0
_PROFILE = "profile"  # among the texts of a recording
_MQTT_PORT = 1883  # where workloads look if they are not told otherwise


@contextlib.asynccontextmanager
async def live(settings: Settings, *, endpoint: str, recordings: Path) -> AsyncIterator[Engine]:
    """Yield an engine for the instrument and the broker of the settings.

    Raises
    ------
    BrokerError
        If the broker cannot be started or reached.
    """
    clock = SystemClock()
    async with _markers(settings.markers) as feed:

        def session(_: int | None) -> tuple[Session, None]:
            made = Session(
                _source(settings, clock),
                feed,
                meters=[meters.make_meter(each, clock) for each in _beside(settings)],
                metrics=settings.metrics,
                history=settings.history,
                recording=settings.recording,
                described={_PROFILE: described(settings)},
                clock=clock,
            )
            return made, None

        yield Engine(session, endpoint=endpoint, recordings=recordings)


def described(settings: Settings) -> str:
    """Return the settings of a session as JSON, without passwords."""
    return msgspec.json.encode(_masked(msgspec.to_builtins(settings))).decode()


def _masked(value: Any) -> Any:
    """Return what settings are made of, each text of it masked: in JSON a quote would end a URL."""
    if isinstance(value, dict):
        return {name: _masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part) for part in value]
    return masked(value) if isinstance(value, str) else value


def metrics_of(recording: Recording) -> MetricsSettings:
    """Return which windows the session of a recording had; the usual ones if it does not say."""

    class Described(msgspec.Struct):
        metrics: MetricsSettings = MetricsSettings()

    try:
        profile = msgspec.json.decode(recording.settings.get(_PROFILE, "{}"), type=Described)
    except ValueError:  # of another version, or made by somebody else
        return MetricsSettings()
    return profile.metrics


def _source(settings: Settings, clock: Clock) -> Source:
    """Return what is measured from."""
    if settings.instrument is None:
        return meters.make_source(settings.meters[0], clock)
    return choice.make_source(settings.instrument, clock)


def _beside(settings: Settings) -> tuple[MeterSettings, ...]:
    """Return the meters that are read beside what is measured from."""
    return settings.meters if settings.instrument is not None else settings.meters[1:]


@contextlib.asynccontextmanager
async def replay(
    path: Path, *, speed: float, start_s: float, endpoint: str, recordings: Path
) -> AsyncIterator[Engine]:
    """Yield an engine that replays a recording as if it were live.

    Raises
    ------
    RecordingError
        If the file is not a recording.
    ConfigError
        If the speed is out of range.
    """
    with Recording(path) as recording:
        start, _ = recording.bounds
        first = start + round(start_s * recording.info.sample_rate_hz)
        player = _Player(recording, speed, first)
        yield Engine(player.session, endpoint=endpoint, recordings=recordings)


@contextlib.asynccontextmanager
async def _markers(settings: MarkerSettings) -> AsyncIterator[MarkerFeed | None]:
    async with contextlib.AsyncExitStack() as stack:
        if settings.broker == "none":
            yield None
            return
        if settings.broker == "embedded":
            broker = parse(stack.enter_context(EmbeddedBroker(_MQTT_PORT)).url)
        else:
            broker = reach(settings.broker, settings)
        if broker.tls:
            await asyncio.to_thread(tls.context, broker)  # a file that is wrong is told at once
        feed = await stack.enter_async_context(MarkerFeed(broker, prefix=settings.prefix))
        await feed.wait_connected(_BROKER_WAIT_S)
        yield feed


class _Player:
    """Keeps a replay's speed and pause across seeks, which begin a new session."""

    def __init__(self, recording: Recording, speed: float, first: int) -> None:
        self._recording = recording
        self.speed = speed
        self._first = first
        self.paused = False
        self._source: ReplaySource | None = None

    def session(self, index: int | None) -> tuple[Session, Pacer]:
        clock = SystemClock()
        start = self._first if index is None else index
        self._source = ReplaySource(
            self._recording, speed=self.speed, start_index=start, clock=clock
        )
        if self.paused:
            self._source.pause()
        session = Session(
            self._source,
            None,
            slow=self._recording.slow.channels,
            metrics=metrics_of(self._recording),
            history=HistorySettings(),
            clock=clock,
            pace=self,
        )
        return session, self

    def set_speed(self, speed: float) -> None:
        if self._source is not None:
            self._source.set_speed(speed)
        self.speed = speed

    def pause(self) -> None:
        self.paused = True
        if self._source is not None:
            self._source.pause()

    def resume(self) -> None:
        self.paused = False
        if self._source is not None:
            self._source.resume()
