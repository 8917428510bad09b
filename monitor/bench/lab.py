"""The bench as a whole: a load on a supply, a scope at its port, and the load's markers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import numpy as np
from numpy.typing import NDArray

from monitor.bench.announcement import announced
from monitor.bench.load.capture import CaptureWaveform
from monitor.bench.load.electrical import MAINS_120, MAINS_230, Feed, Mains, Power
from monitor.bench.load.publisher import publishing
from monitor.bench.load.signal import Waveform
from monitor.bench.load.timeline import Event
from monitor.bench.load.workload import Workload, WorkloadSettings
from monitor.bench.meters.choice import METERS, BenchMeter, Load, check
from monitor.bench.meters.powermeter import Wrong
from monitor.bench.scope import mistakes
from monitor.bench.scope.faults import Faults, Planned
from monitor.bench.scope.mistakes import MISTAKES
from monitor.bench.scope.panel import N_CHANNELS, ScopeSettings, Wiring
from monitor.bench.scope.scope import Handed, Scope
from monitor.bench.transports.choice import TRANSPORTS
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.instruments import INSTRUMENTS
from monitor.errors import ConfigError
from monitor.markers.client import MarkerClient
from monitor.model import NS
from monitor.mqtt.address import reach
from monitor.sources import elmorlabs

_CLAMP = 10.0  # A per V: 100 mV/A
_MARGIN = 1.05  # texture and overshoot above the workload's peak


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What stands on the bench."""

    dialect: str = "keysight"
    """Whose scope it is: a name in ``INSTRUMENTS``."""
    transport: str = "socket"
    """How it is reached: a name in ``TRANSPORTS``."""
    port: int = 0
    """TCP port on loopback; 0 takes any free one. VICP has its own."""
    faults: tuple[Planned, ...] = ()
    """What goes wrong, and when."""
    mistakes: tuple[str, ...] = ()
    """What was done wrong when it was connected: names in ``MISTAKES``."""
    announce: bool = False
    """Whether it announces itself by mDNS on loopback."""
    meters: tuple[str, ...] = ()
    """Which meters measure the same load: names in ``METERS``."""
    meter_error: Wrong | None = None
    """What power meters give instead of values; None gives the values."""
    meter_error_every: int = 5
    """Every how manyth update interval has no values."""
    supply: Literal["mains230", "mains120", "dc"] = "mains230"
    capture: Path | None = None
    """Folder of a PMD-USB capture to play; None runs the workload model."""
    loop: bool = False
    """Whether the capture begins again at its end."""
    start_delay_s: float = 0.0
    """Until the workload or the capture begins."""
    workload: WorkloadSettings = field(default_factory=WorkloadSettings)
    scope: ScopeSettings = field(default_factory=ScopeSettings)
    current_in_volts: bool = False
    """Whether the scope shows the clamp's volts (100 mV/A) instead of amperes."""
    broker: str | None = None
    """URL of the MQTT broker; None publishes no markers."""
    prefix: str = "wattstage"
    """First level of every topic."""
    truth: Path | None = None
    """File to which each record that was handed out is written as a line of JSON."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port must be 0 to 65535, got {self.port}")
        if self.dialect not in INSTRUMENTS:
            raise ConfigError(
                f"the bench has no {self.dialect!r} scope; expected one of"
                f" {', '.join(sorted(INSTRUMENTS))}"
            )
        if self.transport not in TRANSPORTS:
            raise ConfigError(
                f"the bench has no transport {self.transport!r}; expected one of"
                f" {', '.join(sorted(TRANSPORTS))}"
            )
        for name in self.mistakes:
            if name not in MISTAKES:
                raise ConfigError(
                    f"the bench knows no mistake {name!r}; expected one of {', '.join(MISTAKES)}"
                )
        check(
            self.meters,
            self.meter_error_every,
            on_12_v=self.capture is not None or self.supply == "dc",
            has_broker=self.broker is not None,
        )
        if self.supply not in {"mains230", "mains120", "dc"}:
            raise ConfigError(f"supply must be mains230, mains120 or dc, got {self.supply!r}")
        if not 0.0 <= self.start_delay_s <= 86_400.0:
            raise ConfigError(f"the start delay must be 0 to 86400 s, got {self.start_delay_s:g}")
        if self.broker is not None:
            reach(self.broker)  # which says what is wrong


class Lab:
    """A bench that runs while it is entered.

    Sample 0 of the scope and second 0 of the load's delay are the moment of entering. Markers
    carry the time of the event itself on that clock, however late they are sent.
    """

    def __init__(self, settings: BenchSettings) -> None:
        self.settings = settings
        self.workload: Workload | None = None
        """None while a capture is played."""
        self.waveform, self._events = self._load()
        """What the probes see, and the load's markers."""
        self.zero_ns = 0
        """UTC of sample 0; valid once entered."""
        self._monotonic_ns = 0
        self._truth: IO[str] | None = None
        self.scope = Scope(
            self.waveform, self._wiring(), settings.scope, self._now_ns, self._handed_out
        )
        self.scope.autoscale()
        if settings.current_in_volts:
            clamp = self.scope.panel.channels[1]
            clamp.attach(1.0)
            clamp.units = "VOLT"
        self.instrument = INSTRUMENTS[settings.dialect](self.scope)
        for mistake in settings.mistakes:
            mistakes.make(self.scope, mistake)
        self.server = ScopeServer(self.instrument, transport=settings.transport, port=settings.port)
        load = Load(
            self.waveform,
            self._now_ns,
            broker=settings.broker,
            wrong=settings.meter_error,
            wrong_every=settings.meter_error_every,
        )
        self.meters: dict[str, BenchMeter] = {name: METERS[name](load) for name in settings.meters}
        """By name; they can be reached once this is entered."""
        self._running = contextlib.AsyncExitStack()

    @property
    def faults(self) -> Faults:
        """Return what goes wrong; more can be injected."""
        return self.server.faults

    @property
    def visa(self) -> str:
        """Return the scope's VISA resource name; valid once entered."""
        return self.server.visa

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            if self.settings.truth is not None:
                self._truth = stack.enter_context(_opened(self.settings.truth))
            await stack.enter_async_context(self.server)
            if self.settings.announce:
                await stack.enter_async_context(self._announced())
            self._monotonic_ns, self.zero_ns = time.monotonic_ns(), time.time_ns()
            for meter in self.meters.values():
                await stack.enter_async_context(meter)
            for planned in self.settings.faults:
                stack.push_async_callback(_cancelled, asyncio.create_task(self._inject(planned)))
            if self.settings.broker is not None:
                client = MarkerClient(self.settings.broker, prefix=self.settings.prefix)
                markers = publishing(client, self._events, self.time_ns)
                await stack.enter_async_context(markers)
            self._running = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    def time_ns(self, t_s: float) -> int:
        """Return the UTC of an instant of the load, in seconds after it began."""
        return self.zero_ns + round((self.settings.start_delay_s + t_s) * NS)

    @contextlib.asynccontextmanager
    async def _announced(self) -> AsyncIterator[None]:
        (identity,) = await self.instrument.execute("*IDN?")
        server = self.server
        async with announced(str(identity), self.settings.transport, server.host, server.port):
            yield

    async def _inject(self, planned: Planned) -> None:
        await asyncio.sleep(planned.after_s)
        self.faults.inject(planned.fault, planned.times)

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self._monotonic_ns

    def _load(self) -> tuple[Waveform, Iterator[Event]]:
        settings = self.settings
        delay_s = settings.start_delay_s
        if settings.capture is not None:
            capture = elmorlabs.load(settings.capture)
            player = CaptureWaveform(capture, delay_s=delay_s, loop=settings.loop)
            return player, player.events()
        workload = Workload(settings.workload)
        self.workload = workload
        peak_w = workload.peak_w * _MARGIN

        def power(t_s: NDArray[np.float64]) -> NDArray[np.float64]:
            return workload.power(t_s - delay_s)

        return _supply(settings.supply, power, peak_w, settings.seed), workload.events()

    def _wiring(self) -> tuple[Wiring, ...]:
        mains = self.settings.capture is None and self.settings.supply != "dc"
        voltage = Wiring(0, 100.0 if mains else 10.0)
        spare = (Wiring(None, 1.0),) * (N_CHANNELS - 2)
        return (voltage, Wiring(1, _CLAMP), *spare)

    def _handed_out(self, handed: Handed) -> None:
        if self._truth is None:
            return
        record = handed.record
        line = {
            "t0_ns": self.zero_ns + record.start_ns,
            "start": record.start,
            "n": record.n,
            "rate_hz": NS / record.period_ns,
            "lost": handed.lost,
        }
        self._truth.write(json.dumps(line) + "\n")
        self._truth.flush()


def _supply(kind: str, power: Power, peak_w: float, seed: int) -> Waveform:
    if kind == "dc":
        return Feed(power, peak_w, seed=seed)
    return Mains(MAINS_230 if kind == "mains230" else MAINS_120, power, peak_w, seed=seed)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"truth file {path} cannot be written: {error.strerror}") from error
