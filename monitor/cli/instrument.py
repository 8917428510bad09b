"""What to measure with, and where recordings land, as a command line says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from monitor.config import (
    InputSettings,
    InstrumentSettings,
    MarkerSettings,
    Settings,
    check,
    load,
    recordings_folder,
)
from monitor.errors import ConfigError
from monitor.model import Quantity
from monitor.mqtt.address import parse


def made_recordings_folder() -> Path:
    """Return where recordings land, made if need be."""
    folder = recordings_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the recordings folder {folder} cannot be made: {error.strerror};"
            " choose a file with -o, or set WATTSTAGE_RECORDINGS"
        ) from error
    return folder


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
        made = _with_broker(made, broker)
    return made


def _with_broker(settings: Settings, broker: str) -> Settings:
    """Return settings with another broker; the password of the one before is not for another."""
    before = settings.markers
    if broker in {"embedded", "none"}:
        made = MarkerSettings(broker=broker, prefix=before.prefix)
    else:
        made = msgspec.structs.replace(before, broker=broker)
        where = parse(broker)
        if before.user and parse(before.broker).host != where.host:
            made = msgspec.structs.replace(made, user="", password_file="")
        if not where.tls:
            made = msgspec.structs.replace(made, ca="", certificate="", key="")
    return msgspec.structs.replace(settings, markers=made)
