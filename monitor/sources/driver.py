"""What the acquisition thread does with a scope: connect, check, set up, take records.

Blocking; one thread uses a ``Driver``. Which commands it sends is the ``Dialect``'s business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from monitor.config import InputSettings, InstrumentSettings
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS
from monitor.sources.acquisition import Acquisition, DroppedRecord, Record, StoppedError
from monitor.sources.dialect import Dialect
from monitor.sources.keysight import INFINIIVISION
from monitor.sources.record_time import HostTime
from monitor.sources.visa import VisaLink

DIALECTS = (INFINIIVISION,)

_PROBE_S = 0.5  # how long a query may go unanswered that an instrument may not know
_CATCH_UP_S = 30  # to read what a gap-free instrument has remembered
_TAG_LIMIT_S = 1e12  # instruments say 9.9E+37 for "no value"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the instrument is, once it is set up."""

    identity: str
    sample_rate_hz: float
    dtype: str
    """numpy name of the codes, in native byte order."""
    time: HostTime
    """Of the first sample of the first record."""
    is_continuous: bool
    """Whether a record begins where the one before ended, by the instrument's own clock."""
    notes: dict[str, str]
    """For ``StreamInfo.instrument``."""


class Driver:
    """One scope on one VISA resource.

    Parameters
    ----------
    settings
        What to ask for.
    now_ns
        The host's UTC.
    wait
        Waits for some seconds; True, at once, when the source is being closed.
    delay
        Returns the share of a record, 0 to 1, to wait before the next is armed. A fixed rhythm
        would show a load that repeats with it always in the same phase.
    """

    def __init__(
        self,
        settings: InstrumentSettings,
        now_ns: Callable[[], int],
        wait: Callable[[float], bool],
        delay: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._now_ns = now_ns
        self._wait = wait
        self._delay = delay
        self._link = VisaLink(settings.address, settings.timeout_s, is_wanted=lambda: not wait(0.0))
        self._dialect: Dialect = INFINIIVISION
        self._identity = ""
        self._acquisition: Acquisition | None = None
        self._ready: deque[Record | DroppedRecord] = deque()

    def close(self) -> None:
        """Disconnect."""
        self._ready.clear()
        self._acquisition = None
        self._link.close()

    def connect(self) -> Setup:
        """Connect anew, set the scope up and take the first record, which ``acquire`` returns.

        Raises
        ------
        ConnectionLostError, ProtocolError
            If it does not answer, or not as it should.
        InstrumentError
            If it cannot do what the settings say.
        """
        self.close()
        self._link.open()
        self._identify()
        notes = {f"input {item.input}": self._check_input(item) for item in self._settings.inputs}
        acquisition = self._set_up()
        first = self._first(acquisition)
        self._raise_errors("the acquisition")
        self._acquisition = acquisition
        self._ready.append(first)
        asked_hz = self._settings.sample_rate_hz
        notes |= {
            "identity": self._identity,
            "address": self._settings.address,
            "dialect": self._dialect.name,
            "format": self._settings.format,
            "record": f"{first.n_samples} samples, {acquisition.duration_s:.9g} s",
            "record times": "instrument" if acquisition.has_tags else "host",
            "rate asked for": "the instrument's own" if asked_hz is None else f"{asked_hz:g} Hz",
        }
        return Setup(
            identity=self._identity,
            # A preamble has nine digits; its reciprocal need not show more.
            sample_rate_hz=float(f"{1.0 / first.x_increment_s:.9g}"),
            dtype=first.codes.dtype.name,
            time=first.time,
            is_continuous=acquisition.is_continuous,
            notes=notes,
        )

    def acquire(self) -> Record | DroppedRecord:
        """Return the next record; the whole transaction of arm, wait and read."""
        if self._ready:
            return self._ready.popleft()
        if self._acquisition is None:
            raise ConnectionLostError(f"{self._settings.address} is not connected")
        if not self._acquisition.is_continuous:
            self._pause(self._delay() * self._acquisition.duration_s)
        return self._acquisition.take()

    def _identify(self) -> None:
        self._identity = self._link.query("*IDN?")
        for dialect in DIALECTS:
            if dialect.idn.match(self._identity):
                self._dialect = dialect
                self._link.write(dialect.clear)
                return
        raise InstrumentError(
            f"{self._settings.address} is {self._identity[:80]!r}; expected a"
            f" {' or '.join(dialect.name for dialect in DIALECTS)}: check the address"
        )

    def _check_input(self, item: InputSettings) -> str:
        """Return the unit that an input reports; InstrumentError if it is not as configured."""
        dialect, who = self._dialect, f"{self._settings.address} input {item.input}"
        query = dialect.displayed.format(input=item.input)
        try:
            shown = self._link.query(query, timeout_s=min(_PROBE_S, self._settings.timeout_s))
        except ConnectionLostError as silence:
            error = self._link.query(dialect.error)
            if dialect.no_error.match(error):
                raise
            raise InstrumentError(
                f"{who} does not exist: {self._identity!r} answered {error!r}; correct the number"
                " of the input in the settings"
            ) from silence
        if shown not in ("1", "+1", "ON"):
            raise InstrumentError(
                f"{who} is switched off; switch it on at the scope"
                f" ({dialect.display.format(input=item.input)}) or name another input"
            )
        reports = self._link.query(dialect.units.format(input=item.input)).upper()
        wanted = "V" if item.reports == "volts" else item.quantity.unit
        word = dialect.unit_words.get(wanted)
        if word is None:
            raise InstrumentError(f"{who}: a {dialect.name} cannot report {item.quantity.value}")
        if not reports.startswith(word):
            raise InstrumentError(self._contradiction(item, reports, word))
        return reports

    def _contradiction(self, item: InputSettings, reports: str, wanted: str) -> str:
        command = self._dialect.set_units.format(input=item.input, value=wanted)
        quantity = item.quantity.value
        if item.reports == "volts":
            scope, settings = "with its probe factor at 1:1", 'reports = "unit" and no ratio'
        elif wanted == self._dialect.unit_words["V"]:
            scope, settings = "with the probe's factor", "which input the voltage is on"
        else:
            scope = "with the clamp's factor"
            settings = 'reports = "volts" and the clamp\'s ratio in ampere per volt'
        return (
            f"{self._settings.address} input {item.input}: the settings say that it measures"
            f' {quantity} with reports = "{item.reports}", so the scope should report {wanted}, but'
            f" it reports {reports}; either set the scope ({command}, {scope}), or correct the"
            f" settings ({settings})"
        )

    def _set_up(self) -> Acquisition:
        dialect, settings = self._dialect, self._settings
        for command in dialect.setup:
            self._send(command.format(format=settings.format))
        if settings.record_s is not None:
            self._send(dialect.set_record_length.format(value=f"{settings.record_s:.9g}"))
        reply = self._link.query(dialect.record_length)
        try:
            duration_s = float(reply)
        except ValueError as error:
            raise ProtocolError(
                f"{settings.address}, reply to {dialect.record_length!r}: expected a number, got"
                f" {reply[:80]!r}"
            ) from error
        if settings.sample_rate_hz is not None:
            n_points = max(1, round(settings.sample_rate_hz * duration_s))
            self._send(dialect.points.format(value=n_points))
        return Acquisition(
            self._link, dialect, settings, duration_s, now_ns=self._now_ns, pause=self._pause
        )

    def _send(self, command: str) -> None:
        self._link.write(command)
        self._raise_errors(repr(command))

    def _raise_errors(self, cause: str) -> None:
        error = self._link.query(self._dialect.error)
        if not self._dialect.no_error.match(error):
            raise InstrumentError(
                f"{self._settings.address} ({self._identity}) refused {cause}: {error}; choose"
                " settings that it can do"
            )

    def _first(self, acquisition: Acquisition) -> Record:
        """Return the first record whose time is known; learn first what the instrument tells."""
        self._fitting(acquisition.take())
        acquisition.has_tags = self._answers_tags()
        if acquisition.has_tags:
            self._judge_tags(acquisition)
        limit_ns = self._now_ns() + _CATCH_UP_S * NS
        while True:
            first = self._fitting(acquisition.take(closely=True))
            if not first.time.is_buffered:
                return first
            if self._now_ns() > limit_ns:
                raise InstrumentError(
                    f"{self._settings.address} takes records faster than they can be read: none"
                    f" was up to date in {_CATCH_UP_S} s; ask for a lower sample rate, or for BYTE"
                )

    def _answers_tags(self) -> bool:
        query = self._dialect.record_time
        try:
            reply = self._link.query(query, timeout_s=min(_PROBE_S, self._settings.timeout_s))
            return abs(float(reply)) < _TAG_LIMIT_S
        except ConnectionLostError:
            # A late answer would be taken for the next one: begin on a clean connection.
            self._link.close()
            self._link.open()
        except ValueError:
            pass
        self._link.write(self._dialect.clear)
        return False

    def _judge_tags(self, acquisition: Acquisition) -> None:
        """Learn from two records whether there is a gap; tags that stand still are no clock."""
        first, second = (self._fitting(acquisition.take()) for _ in range(2))
        if first.tag_s is None or second.tag_s is None:
            return
        n_samples = (second.tag_s - first.tag_s) / first.x_increment_s
        acquisition.is_continuous = abs(n_samples - first.n_samples) < 0.5
        acquisition.has_tags = n_samples > first.n_samples - 0.5

    def _fitting(self, record: Record | DroppedRecord) -> Record:
        if isinstance(record, DroppedRecord):
            raise ProtocolError(f"{self._settings.address}: {record.reason}")
        return record

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise StoppedError
