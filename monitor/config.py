"""One TOML file -> frozen settings, checked once at start-up."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from monitor.errors import ConfigError
from monitor.masking import masked
from monitor.model import Calibration, Channel, Probe, Quantity, Scalar, Supply

Compression = Literal["none", "gzip", "lzf", "bitshuffle-lz4"]
"""Ways to compress codes without loss."""


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
    """With ``reports = "volts"``: channel units per volt, e.g. 10.0 for a 100 mV/A clamp; else 1.
    Negative if the clamp is the wrong way round."""
    offset: float = 0.0
    """Channel units, added."""
    probe_factor: float | None = None
    """The factor that is set at the instrument on this input, e.g. 10.0 for a 10X probe; None
    expects 1 with ``reports = "volts"`` and takes any with ``reports = "unit"``."""
    coupling: Literal["DC", "AC"] = "DC"
    """Power needs DC: AC hides the mean. The instrument is asked, and a contradiction refused."""
    note: str = ""
    """Which probe it is."""
    calibration: Calibration = Calibration()

    def channel(self) -> Channel:
        """Return the channel that this input delivers."""
        return Channel(
            name=self.name or f"{self.rail} {self.quantity.value}",
            quantity=self.quantity,
            rail=self.rail,
            probe=Probe(
                ratio=self.ratio,
                offset=self.offset,
                note=self.note,
                calibration=self.calibration,
            ),
        )


class InstrumentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach the instrument and what to ask it for."""

    kind: str = "scope"
    """``scope``, or the name of a source that an installed package provides."""
    address: str = ""
    """VISA resource name, e.g. ``TCPIP::192.168.1.20::5025::SOCKET``; a package's source may need
    none."""
    dialect: str = "auto"
    """What the scope speaks; ``auto`` goes by its identity."""
    options: dict[str, Scalar] = {}
    """For a package's source: whatever it documents."""
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
    stream: bool = False
    """Let the scope push every record by itself (Tektronix ``CURVEStream?``)."""
    timeout_s: float = 5.0
    supply: Supply = Supply.AUTO
    nominal_v: float | None = None
    """Voltage that the supply should have, e.g. 12; None goes by those that are usual."""


class QuerySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scalar that a meter is asked for."""

    name: str
    """Shown to people, e.g. ``power``."""
    query: str
    """E.g. ``:MEASure:POWer?``; queries with the same text are sent once."""
    unit: str
    """Symbol, e.g. W."""
    field: int = 0
    """Which of the comma-separated values of the reply, from 0."""
    factor: float = 1.0
    """What the reply is multiplied with, e.g. 0.001 for one in mW."""
    invalid: tuple[float, ...] = ()
    """Replies that are error codes, e.g. -1, -2, -3. NaN and infinity always are."""


class MeterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A meter that gives a few numbers now and then."""

    kind: Literal["scpi", "yokogawa-wt", "plug", "elmorlabs-pmd"]
    address: str
    """VISA resource name; of a plug the URL of its topic, ``mqtt://HOST[:PORT]/TOPIC``; of a
    PMD-USB its serial port."""
    name: str = ""
    """Shown to people; empty takes what the meter calls itself."""
    interval_s: float = 1.0
    """Between two readings."""
    window_s: float = 0.0
    """Over which the meter averages; 0 means unknown."""
    setup: tuple[str, ...] = ()
    """Of kind scpi: what is sent once."""
    queries: tuple[QuerySettings, ...] = ()
    """Of kind scpi: what is asked for."""
    element: int = 1
    """Of kind yokogawa-wt: the input element."""
    format: Literal["ascii", "float"] = "ascii"
    """Of kind yokogawa-wt: how values travel; ``float`` is shorter, 32-bit binary."""
    timeout_s: float = 2.0
    user: str = ""
    """Of kind plug: who we are to the broker; empty goes by the URL."""
    password_file: str = ""
    """File that contains the password; empty goes by the URL, or ``WATTSTAGE_MQTT_PASSWORD``."""
    ca: str = ""
    """With ``mqtts``: PEM file of the authority that the broker's certificate is checked against;
    empty goes by ``WATTSTAGE_CA``, else the system's."""
    certificate: str = ""
    """With ``mqtts``: PEM file of our own certificate; empty goes by ``WATTSTAGE_CERT``."""
    key: str = ""
    """PEM file of its key; empty goes by ``WATTSTAGE_KEY``, else the certificate's file."""


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
    user: str = ""
    """Who we are to the broker; empty goes by the URL."""
    password_file: str = ""
    """File that contains the password; empty goes by the URL, or ``WATTSTAGE_MQTT_PASSWORD``."""
    ca: str = ""
    """With ``mqtts``: PEM file of the authority that the broker's certificate is checked against;
    empty goes by ``WATTSTAGE_CA``, else the system's."""
    certificate: str = ""
    """With ``mqtts``: PEM file of our own certificate; empty goes by ``WATTSTAGE_CERT``."""
    key: str = ""
    """PEM file of its key; empty goes by ``WATTSTAGE_KEY``, else the certificate's file."""


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the live view remembers."""

    seconds: float = 600.0
    max_bytes: int = 1 << 30
    """Shortens ``seconds`` at high sample rates."""


class RecordingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sessions are written to disk."""

    compression: Compression = "none"
    """Of the codes, without loss. Every HDF5 reader knows gzip, every h5py lzf; the last is the
    fastest, but who reads it needs hdf5plugin."""
    fsync_s: float = 0.0
    """How often the disk is told to keep what it was given: what a power cut may cost; 0 leaves
    that to the system."""
    keep_free_gb: float = 0.0
    """Left free on the disk: a recording ends before it takes that."""
    split_gb: float | None = None
    """Go on in another file when one is this large; None never does."""
    split_hours: float | None = None
    """Go on in another file when one is this old; None never does."""


PLAIN = RecordingSettings()
"""Nothing is compressed, and the disk is used up."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a session needs to know."""

    instrument: InstrumentSettings | None = None
    """None if a meter is all there is."""
    meters: tuple[MeterSettings, ...] = ()
    """Beside the instrument; without one the first of them is measured from."""
    metrics: MetricsSettings = MetricsSettings()
    markers: MarkerSettings = MarkerSettings()
    history: HistorySettings = HistorySettings()
    recording: RecordingSettings = PLAIN


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
    if settings.instrument is not None:
        _check_instrument(settings.instrument, source)
    elif not settings.meters:
        raise ConfigError(f"{source}: name what measures: an [instrument], or [[meters]]")
    for meter in settings.meters:
        _check_meter(meter, source)
    _check_markers(settings.markers, source)
    for name, value in (
        ("fsync_s", settings.recording.fsync_s),
        ("keep_free_gb", settings.recording.keep_free_gb),
    ):
        if not 0 <= value < float("inf"):
            raise ConfigError(f"{source}: recording.{name} must not be negative, got {value:g}")
    for name, limit in (
        ("split_gb", settings.recording.split_gb),
        ("split_hours", settings.recording.split_hours),
    ):
        if limit is not None and not 0 < limit < float("inf"):
            raise ConfigError(f"{source}: recording.{name} must be positive, got {limit:g}")
    for name, windows in (
        ("averages_s", settings.metrics.averages_s),
        ("ramps_s", settings.metrics.ramps_s),
    ):
        if not windows or not all(0 < w <= 3600 for w in windows):
            raise ConfigError(
                f"{source}: metrics.{name} must be windows of 0 to 3600 s, got {list(windows)}"
            )
    return settings


def _check_meter(meter: MeterSettings, source: str) -> None:
    who = f"{source}: meter {masked(meter.address)!r}"
    if not 0.01 <= meter.interval_s <= 3600.0:
        raise ConfigError(f"{who}: interval_s must be 0.01 to 3600, got {meter.interval_s:g}")
    if not (meter.timeout_s > 0 and meter.window_s >= 0):
        raise ConfigError(
            f"{who}: timeout_s must be above 0 and window_s not below, got {meter.timeout_s:g} and"
            f" {meter.window_s:g}"
        )
    if meter.kind != "plug" and (given := _access(meter)):
        raise ConfigError(
            f"{who}: {given} is for a broker, and only kind plug has one, got kind {meter.kind};"
            " remove it"
        )


def _check_markers(markers: MarkerSettings, source: str) -> None:
    if markers.broker in {"embedded", "none"} and (given := _access(markers)):
        raise ConfigError(
            f'{source}: markers.{given} is for a broker of yours, got broker = "{markers.broker}";'
            " the embedded one is for this machine alone and lets everyone on it in: name another,"
            " such as mosquitto, with mqtts://HOST"
        )


def _access(settings: MarkerSettings | MeterSettings) -> str:
    """Return the first setting that is about being let in by a broker; empty if there is none."""
    names = ("user", "password_file", "ca", "certificate", "key")
    return next((name for name in names if getattr(settings, name)), "")


def _check_instrument(instrument: InstrumentSettings, source: str) -> None:
    if instrument.kind != "scope":
        return  # its package knows what it needs
    if not instrument.address:
        raise ConfigError(
            f"{source}: instrument.address is missing; expected a VISA resource name such as"
            " TCPIP::192.168.1.20::5025::SOCKET (`wattstage devices` lists what it finds)"
        )
    nominal_v = instrument.nominal_v
    if nominal_v is not None and not 0.0 < nominal_v < 1e6:
        raise ConfigError(f"{source}: nominal_v must be above 0, got {nominal_v:g}")
    inputs = instrument.inputs
    numbers = [i.input for i in inputs]
    if not inputs:
        raise ConfigError(f"{source}: instrument.inputs is empty; name a voltage and a current")
    if len(set(numbers)) != len(numbers) or min(numbers) < 1:
        raise ConfigError(
            f"{source}: instrument inputs must be different and from 1, got {numbers}"
        )
    for item in inputs:
        if item.reports == "unit" and abs(item.ratio) != 1.0:
            raise ConfigError(
                f"{source}: input {item.input} reports its own unit, so ratio must be 1, or -1 if"
                f" a clamp is the wrong way round, got {item.ratio}; say"
                ' reports = "volts" if the scope shows volts'
            )
        if item.ratio == 0.0:
            raise ConfigError(f"{source}: input {item.input}: ratio must not be 0")
        if item.probe_factor == 0.0:
            raise ConfigError(f"{source}: input {item.input}: probe_factor must not be 0")
    check_rails(inputs, source)


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


def recordings_folder() -> Path:
    """Return where recordings land: ``WATTSTAGE_RECORDINGS``, else ``recordings`` here."""
    return Path(os.environ.get("WATTSTAGE_RECORDINGS") or "recordings")
