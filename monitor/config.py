"""One TOML file -> frozen settings, checked once at start-up."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from monitor.errors import ConfigError
from monitor.model import Channel, Probe, Quantity, Supply


class InputSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of the instrument and what is connected to it."""

    input: int
    """Number of the instrument's input, from 1."""
    quantity: Quantity
    name: str = ""
    """Shown to people; empty makes one from the quantity and the rail."""
    rail: str = "main"
    """Voltage and current of the same rail are multiplied."""
    reports: Literal["unit", "volts"] = "unit"
    """Whether the instrument reports the quantity's own unit (its probe factor is set there) or
    volts that ``ratio`` turns into it. The instrument is asked, and a contradiction refused."""
    ratio: float = 1.0
    """With ``reports = "volts"``: channel units per volt, e.g. 10.0 for a 100 mV/A clamp."""
    offset: float = 0.0
    """Channel units, added."""
    note: str = ""
    """Calibration note, with its date."""

    def channel(self) -> Channel:
        """Return the channel that this input delivers."""
        return Channel(
            name=self.name or f"{self.rail} {self.quantity.value}",
            quantity=self.quantity,
            rail=self.rail,
            probe=Probe(ratio=self.ratio, offset=self.offset, note=self.note),
        )


class InstrumentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach the instrument and what to ask it for."""

    address: str
    """VISA resource name, e.g. ``TCPIP::192.168.1.20::5025::SOCKET``."""
    inputs: tuple[InputSettings, ...] = (
        InputSettings(input=1, quantity=Quantity.VOLTAGE),
        InputSettings(input=2, quantity=Quantity.CURRENT),
    )
    record_s: float | None = None
    """Length of one record in seconds; None leaves the instrument's own timebase."""
    sample_rate_hz: float | None = None
    """None leaves the instrument's own choice."""
    format: Literal["BYTE", "WORD"] = "WORD"
    """Width of the codes that are transferred."""
    timeout_s: float = 5.0
    supply: Supply = Supply.AUTO


class MetricsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which windows are computed live."""

    averages_s: tuple[float, ...] = (0.02, 1.0, 10.0)
    ramps_s: tuple[float, ...] = (0.1, 1.0, 10.0)


class MarkerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where stage markers come from."""

    broker: str = "embedded"
    """``embedded``, ``none``, or a URL such as ``mqtt://127.0.0.1:1883``."""
    prefix: str = "wattstage"
    """First level of every topic."""


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the live view remembers."""

    seconds: float = 600.0
    max_bytes: int = 1 << 30
    """Shortens ``seconds`` at high sample rates."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a session needs to know."""

    instrument: InstrumentSettings
    metrics: MetricsSettings = MetricsSettings()
    markers: MarkerSettings = MarkerSettings()
    history: HistorySettings = HistorySettings()


def load(path: Path) -> Settings:
    """Read and check a settings file.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML, or holds an unknown, missing or wrong setting.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return check(msgspec.convert(data, Settings), str(path))
    except OSError as error:
        raise ConfigError(f"settings file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"settings file {path} is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"settings file {path}: {error}") from error


def check(settings: Settings, source: str) -> Settings:
    """Return the settings if they make sense together; ConfigError names what does not."""
    inputs = settings.instrument.inputs
    numbers = [i.input for i in inputs]
    if not inputs:
        raise ConfigError(f"{source}: instrument.inputs is empty; name a voltage and a current")
    if len(set(numbers)) != len(numbers) or min(numbers) < 1:
        raise ConfigError(
            f"{source}: instrument inputs must be different and from 1, got {numbers}"
        )
    for item in inputs:
        if item.reports == "unit" and item.ratio != 1.0:
            raise ConfigError(
                f"{source}: input {item.input} reports its own unit, so ratio must be 1, got"
                f' {item.ratio}; say reports = "volts" if the scope shows volts'
            )
        if item.ratio == 0.0:
            raise ConfigError(f"{source}: input {item.input}: ratio must not be 0")
    check_rails(inputs, source)
    for name, windows in (
        ("averages_s", settings.metrics.averages_s),
        ("ramps_s", settings.metrics.ramps_s),
    ):
        if not windows or not all(0 < w <= 3600 for w in windows):
            raise ConfigError(
                f"{source}: metrics.{name} must be windows of 0 to 3600 s, got {list(windows)}"
            )
    return settings


def check_rails(inputs: tuple[InputSettings, ...], source: str) -> None:
    """Raise ConfigError unless each rail has one voltage and one current, or a power."""
    rails: dict[str, list[Quantity]] = {}
    for item in inputs:
        rails.setdefault(item.rail, []).append(item.quantity)
    for rail, quantities in rails.items():
        if sorted(q.value for q in quantities) not in (["current", "voltage"], ["power"]):
            raise ConfigError(
                f"{source}: rail {rail!r} needs one voltage and one current, or one power; it has"
                f" {', '.join(q.value for q in quantities)}"
            )
