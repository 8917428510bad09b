"""What the hosts of workloads say of themselves: JSON in, readings of slow channels out.

The receiver trusts nothing; docs/reference/markers.md says what is expected.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import msgspec

from monitor.dsp.clocks import Clocks
from monitor.errors import MarkerError
from monitor.markers.payload import MAX_BYTES
from monitor.model import NS, Edge, Marker, Reading, SlowChannel

_MOST_SENSORS = 512  # of one sender
_MOST_CHANNELS = 2048  # of all
_MOST_SENDERS = 200
_MOST_HELD = 100  # messages of a sender whose clock is not known yet
_PATIENCE_S = 3.0  # after which its clock is taken as it is
_SILENT_S = 5.0  # after which another sender may tell the same
_FAR_S = 3600.0  # from now; what is older has waited for a broker too long, the rest is nonsense

_T = TypeVar("_T", bound=msgspec.Struct)
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Text = Annotated[str, msgspec.Meta(max_length=500)]
_Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)]


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity that a host tells."""

    name: _Id
    device: Annotated[str, msgspec.Meta(max_length=200)] = ""
    unit: Annotated[str, msgspec.Meta(max_length=10)]
    interval_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]
    window_s: _Seconds = 0.0
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""
    is_setting: bool = False


class Sensors(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender tells of, by number; kept by the broker for who comes later."""

    schema: Literal[1]
    run_id: _Id
    sender: _Id
    host: Annotated[str, msgspec.Meta(max_length=200)] = ""
    sensors: Annotated[list[Sensor], msgspec.Meta(max_length=_MOST_SENSORS)]
    notes: Annotated[list[_Text], msgspec.Meta(max_length=64)] = []


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Number of the sensor, UTC in ns by the sender's clock, value in the sensor's unit."""

    schema: Literal[1]
    run_id: _Id
    sender: _Id
    values: Annotated[
        list[
            tuple[
                Annotated[int, msgspec.Meta(ge=0, lt=_MOST_SENSORS)],
                Annotated[int, msgspec.Meta(ge=1, lt=2**62)],
                Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)],
            ]
        ],
        msgspec.Meta(max_length=2000),
    ]


Told = Reading | tuple[SlowChannel, ...] | Marker
"""Of telemetry: a reading, channels that are known from now on, or an event."""

_sensors = msgspec.json.Decoder(Sensors)
_values = msgspec.json.Decoder(Values)


def decode_sensors(payload: bytes) -> Sensors:
    """Return what a sender tells of.

    Raises
    ------
    MarkerError
        Saying what was expected and what came.
    """
    told = _decoded(payload, _sensors)
    texts = [told.host, *told.notes]
    for each in told.sensors:
        texts += [each.name, each.device, each.unit, each.note]
    for text in texts:
        if not text.isprintable():
            raise MarkerError(f"telemetry: expected printable characters, got {text[:60]!a}")
    return told


def decode_values(payload: bytes) -> Values:
    """Return what a sender's sensors say; MarkerError as for ``decode_sensors``."""
    return _decoded(payload, _values)


def _decoded(payload: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    if len(payload) > MAX_BYTES:
        raise MarkerError(f"telemetry: expected at most {MAX_BYTES} bytes, got {len(payload)}")
    try:
        payload.decode()  # msgspec looks at the text of known fields only
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MarkerError(f"telemetry: {error}") from error


@dataclass(slots=True)
class _Host:
    """What is known of one sender."""

    channels: tuple[SlowChannel, ...]
    since_ns: int
    held: list[Values] = field(default_factory=list)
    """What came before its clock was known."""


class Telemetry:
    """Makes readings by our clock of what hosts tell.

    Times are placed by the senders' clocks as they are known on arrival. Of two senders that tell
    the same of one host, one is believed as long as it goes on.
    """

    def __init__(self) -> None:
        self._clocks = Clocks()
        self._hosts: dict[tuple[str, str], _Host] = {}
        self._channels: set[SlowChannel] = set()
        self._tellers: dict[SlowChannel, tuple[tuple[str, str], int]] = {}
        self._noted: set[tuple[str, str]] = set()
        self._run_id = f"telemetry-{uuid.uuid4().hex}"  # of our own events
        self._n_events = 0

    def compare(self, point: Marker, now_ns: int) -> Iterator[Told]:
        """Take a point that compares a sender's clock with ours; yield what has waited for it."""
        self._clocks.take(point)
        yield from self._release((point.run_id, point.sender), now_ns)

    def know(self, told: Sensors, now_ns: int) -> Iterator[Told]:
        """Take what a sender tells of.

        Raises
        ------
        MarkerError
            If there are too many senders or channels to be real.
        """
        who = told.run_id, told.sender
        source = f", {told.host}" if told.host else ""
        channels = tuple(
            SlowChannel(
                name=each.name,
                source=f"{each.device}{source}".removeprefix(", "),
                unit=each.unit,
                interval_s=each.interval_s,
                window_s=each.window_s,
                note=each.note,
                is_setting=each.is_setting,
            )
            for each in told.sensors
        )
        n_channels = len(self._channels.union(channels))
        if n_channels > _MOST_CHANNELS or (
            who not in self._hosts and len(self._hosts) >= _MOST_SENDERS
        ):
            raise MarkerError(
                f"telemetry: expected at most {_MOST_SENDERS} senders and {_MOST_CHANNELS} channels"
                f" of all, got one more from {told.sender!a}"
            )
        self._channels.update(channels)
        if who in self._hosts:
            self._hosts[who].channels = channels
        else:
            self._hosts[who] = _Host(channels, now_ns)
        if channels:
            yield channels
        for text in told.notes:
            if (told.host, text) not in self._noted and len(self._noted) < _MOST_CHANNELS:
                self._noted.add((told.host, text))
                yield self.event(f"{told.host or told.sender}: {text}", now_ns)

    def take(self, told: Values, now_ns: int) -> Iterator[Told]:
        """Take values; yield the readings, once the sender's clock is known.

        Raises
        ------
        MarkerError
            If they cannot be, or are of a sensor that nobody has told of.
        """
        who = told.run_id, told.sender
        host = self._hosts.get(who)
        if host is None:
            raise MarkerError(f"telemetry: values of {told.sender!a}, which told of no sensors yet")
        if len(host.held) < _MOST_HELD:
            host.held.append(told)
        is_known = self._clocks.ours(*who, now_ns) is not None
        if is_known or now_ns > host.since_ns + _PATIENCE_S * NS:
            yield from self._release(who, now_ns)

    def event(self, text: str, now_ns: int) -> Marker:
        """Return the mark of something that people should know."""
        self._n_events += 1
        return Marker(
            time_ns=now_ns,
            received_ns=now_ns,
            stage="event",
            edge=Edge.INSTANT,
            run_id=self._run_id,
            seq=self._n_events,
            attrs={"text": text, "kind": "telemetry"},
        )

    def tells(self, run_id: str, sender: str) -> bool:
        """Return whether a sender tells of its host."""
        return (run_id, sender) in self._hosts

    def end(self, run_id: str, sender: str, now_ns: int) -> Iterator[Told]:
        """Forget a sender that has said goodbye; yield what has waited."""
        yield from self._release((run_id, sender), now_ns)
        self._hosts.pop((run_id, sender), None)
        self._clocks.forget(run_id, sender)

    def _release(self, who: tuple[str, str], now_ns: int) -> Iterator[Told]:
        host = self._hosts.get(who)
        if host is None:
            return
        held, host.held = host.held, []
        for told in held:
            yield from self._readings(who, host, told, now_ns)

    def _readings(
        self, who: tuple[str, str], host: _Host, told: Values, now_ns: int
    ) -> list[Reading]:
        readings = []
        for number, their_ns, value in told.values:
            if number >= len(host.channels):
                raise MarkerError(
                    f"telemetry: expected the number of one of {len(host.channels)} sensors,"
                    f" got {number}"
                )
            found = self._clocks.ours(*who, their_ns)
            time_ns = their_ns if found is None else found[0]
            if abs(time_ns - now_ns) > _FAR_S * NS:
                raise MarkerError(
                    f"telemetry: a value is {(time_ns - now_ns) / NS:+.0f} s from now; expected it"
                    " within an hour: set the clock of its host"
                )
            channel = host.channels[number]
            if self._is_believed(who, channel, now_ns):
                readings.append(
                    Reading(channel=channel, time_ns=time_ns, received_ns=now_ns, value=value)
                )
        return readings

    def _is_believed(self, who: tuple[str, str], channel: SlowChannel, now_ns: int) -> bool:
        teller, heard_ns = self._tellers.get(channel, (who, now_ns))
        if teller != who and teller in self._hosts and now_ns < heard_ns + _SILENT_S * NS:
            return False
        self._tellers[channel] = who, now_ns
        return True
