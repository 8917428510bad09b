"""The meters that can stand on the bench beside the scope, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from monitor.bench.load.signal import Waveform
from monitor.bench.meters.means import Averager
from monitor.bench.meters.plug import PLUGS, BenchPlug
from monitor.bench.meters.pmd import BenchPmd
from monitor.bench.meters.powermeter import ScpiMeter, Wrong, YokogawaMeter
from monitor.bench.scope.panel import N_CHANNELS, ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.server import ScopeServer
from monitor.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Load:
    """What all instruments of a bench measure."""

    waveform: Waveform
    now_ns: Callable[[], int]
    """Returns the nanoseconds since the bench's zero."""
    broker: str | None = None
    """URL of the MQTT broker that plugs report to; None if there is none."""
    wrong: Wrong | None = None
    """What power meters give instead of values; None gives the values."""
    wrong_every: int = 1
    """In which update intervals: each, or every so manyth."""


class BenchMeter(Protocol):
    """A meter that can be reached while it is entered."""

    @property
    def address(self) -> str:
        """Return where, as settings have it; valid once entered."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class ListeningMeter:
    """A power meter at a TCP port of this machine.

    Parameters
    ----------
    kind
        Which one.
    load
        What it measures.
    """

    def __init__(
        self,
        kind: Callable[[Scope, Averager], ScpiMeter | YokogawaMeter],
        load: Load,
    ) -> None:
        averager = Averager(load.waveform, load.now_ns)
        wiring = (Wiring(0, 1.0), Wiring(1, 1.0), *(Wiring(None, 1.0),) * (N_CHANNELS - 2))
        scope = Scope(load.waveform, wiring, ScopeSettings(), load.now_ns)
        self.instrument = kind(scope, averager)
        self.instrument.reader.wrong = load.wrong
        self.instrument.reader.wrong_every = load.wrong_every
        self.server = ScopeServer(self.instrument)

    @property
    def address(self) -> str:
        """Return the VISA resource name; valid once entered."""
        return self.server.visa

    async def __aenter__(self) -> Self:
        self.instrument.power_cycle()  # it is switched on now
        await self.server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.server.stop()


def _plug(name: str) -> Callable[[Load], BenchMeter]:
    def made(load: Load) -> BenchPlug:
        return BenchPlug(
            name, load.waveform, load.now_ns, broker=load.broker or "", is_wrong=bool(load.wrong)
        )

    return made


METERS: Mapping[str, Callable[[Load], BenchMeter]] = MappingProxyType(
    {
        "scpi": lambda load: ListeningMeter(ScpiMeter, load),
        "elmorlabs-pmd": lambda load: BenchPmd(load.waveform, load.now_ns),
        **{name: _plug(name) for name in PLUGS},
        "yokogawa-wt": lambda load: ListeningMeter(YokogawaMeter, load),
    }
)


def check(names: tuple[str, ...], error_every: int, *, on_12_v: bool, has_broker: bool) -> None:
    """Raise ConfigError unless the bench has these meters and they can measure the supply."""
    for name in names:
        if name not in METERS:
            raise ConfigError(
                f"the bench has no meter {name!r}; expected one of {', '.join(sorted(METERS))}"
            )
    if "elmorlabs-pmd" in names and not on_12_v:
        raise ConfigError("an elmorlabs-pmd measures 12 V: choose supply dc, or a capture")
    if not has_broker and set(names) & set(PLUGS):
        raise ConfigError("a plug reports over MQTT: name a broker, e.g. mqtt://127.0.0.1:1883")
    if error_every < 1:
        raise ConfigError(f"meter errors come every 1 or more intervals, got {error_every}")
