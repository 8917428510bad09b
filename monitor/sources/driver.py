"""What the acquisition thread does with a scope: connect, check, set up, take records.

Blocking; one thread uses a ``Driver``. Which commands it sends is the ``Dialect``'s business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from monitor.config import InstrumentSettings
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS, Supply
from monitor.sources.acquisition import Acquisition, DroppedRecord, Record, StoppedError
from monitor.sources.checks import check_input
from monitor.sources.conversation import Conversation
from monitor.sources.dialects.replies import number
from monitor.sources.inspect import InputState, begin, read_input
from monitor.sources.record_time import HostTime
from monitor.sources.rhythm import Rhythm
from monitor.sources.streaming import Stream
from monitor.sources.visa import VisaLink

_CATCH_UP_S = 30  # to read what a gap-free instrument has remembered
_TWO_CYCLES_S = 0.04  # of 50 Hz mains; a shorter record need not hold a whole one


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
    warning: str = ""
    """What may make numbers worse than they need be, and what to do; empty if nothing."""


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
        Returns the share, 0 to 1, of the longest wait that is worth it before a record is armed;
        see ``Rhythm``.
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
        self._rhythm = Rhythm(delay)
        self._link = VisaLink(settings.address, settings.timeout_s, is_wanted=lambda: not wait(0.0))
        self._acquisition: Acquisition | None = None
        self._stream: Stream | None = None
        self._ready: deque[Record | DroppedRecord] = deque()

    def close(self) -> None:
        """Disconnect."""
        self._ready.clear()
        self._acquisition = None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.leave()
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
        settings = self._settings
        talk = begin(
            self._link, settings.dialect, code_format=settings.format, timeout_s=settings.timeout_s
        )
        notes = self._check_inputs(talk)
        acquisition = self._set_up(talk)
        first = self._first(talk, acquisition)
        talk.raise_errors("the acquisition")
        warning = self._check_mains(acquisition)
        if settings.stream:
            stream = Stream(talk, settings, now_ns=self._now_ns)
            stream.start()
            self._stream = stream
        self._acquisition = acquisition
        self._ready.append(first)
        asked_hz = settings.sample_rate_hz
        notes |= {
            "identity": talk.identity,
            "address": settings.address,
            "dialect": talk.dialect.name,
            "format": talk.code_format,
            "record": f"{first.n_samples} samples, {acquisition.duration_s:.9g} s",
            "record times": "instrument" if acquisition.has_tags else "host",
            "rate asked for": "the instrument's own" if asked_hz is None else f"{asked_hz:g} Hz",
        }
        return Setup(
            identity=talk.identity,
            # A preamble has nine digits; its reciprocal need not show more.
            sample_rate_hz=float(f"{1.0 / first.x_increment_s:.9g}"),
            dtype=first.codes.dtype.name,
            time=first.time,
            is_continuous=acquisition.is_continuous,
            notes=notes,
            warning=warning,
        )

    def acquire(self) -> Record | DroppedRecord:
        """Return the next record; the whole transaction of arm, wait and read."""
        if self._ready:
            return self._ready.popleft()
        if self._stream is not None:
            return self._stream.take()
        if self._acquisition is None:
            raise ConnectionLostError(f"{self._settings.address} is not connected")
        acquisition = self._acquisition
        if not acquisition.is_continuous:
            self._pause(self._rhythm.wait_s(acquisition.duration_s, acquisition.gap_s))
        return acquisition.take()

    def _check_inputs(self, talk: Conversation) -> dict[str, str]:
        """Return what each input reports; InstrumentError if it is not as the settings say."""
        notes = {}
        for item in self._settings.inputs:
            is_shown = talk.is_shown(item.input)
            state = read_input(talk, item.input, is_shown=is_shown)
            who = f"{talk.address} input {item.input}"
            check_input(item, state, talk.dialect, who)
            notes[f"input {item.input}"] = _describe(state)
        return notes

    def _set_up(self, talk: Conversation) -> Acquisition:
        dialect, settings = talk.dialect, self._settings
        for command in dialect.setup:
            talk.send(
                command.format(format=talk.code_format, width=talk.width, bits=8 * talk.width)
            )
        if settings.record_s is not None:
            value = f"{dialect.timebase_s(settings.record_s):.9g}"
            talk.send(dialect.set_timebase.format(value=value))
        duration_s = talk.ask(dialect.timebase, number) * dialect.divisions
        if settings.sample_rate_hz is not None:
            n_points = max(1, round(settings.sample_rate_hz * duration_s))
            n_points = dialect.depth(n_points, len(settings.inputs))
            rate = f"{n_points / duration_s:.9g}"
            talk.send(dialect.points.format(value=dialect.write_points(n_points), rate=rate))
        talk.learn_page()
        return Acquisition(talk, settings, duration_s, now_ns=self._now_ns, pause=self._pause)

    def _first(self, talk: Conversation, acquisition: Acquisition) -> Record:
        """Return the first record whose time is known; learn first what the instrument tells."""
        record = self._fitting(acquisition.take())
        acquisition.has_tags = self._answers_tags(talk, record)
        if acquisition.has_tags:
            self._judge_tags(acquisition)
        limit_ns = self._now_ns() + _CATCH_UP_S * NS
        while True:
            first = self._fitting(acquisition.take(closely=True))
            if not first.time.is_buffered:
                acquisition.gap_s = 0.0  # what was asked meanwhile is no dead time
                return first
            if self._now_ns() > limit_ns:
                raise InstrumentError(
                    f"{self._settings.address} takes records faster than they can be read: none"
                    f" was up to date in {_CATCH_UP_S} s; ask for a lower sample rate, or for BYTE"
                )

    def _answers_tags(self, talk: Conversation, record: Record) -> bool:
        if record.tag_s is not None:
            return True
        query = talk.dialect.record_time
        return talk.ask_number_if_known(query, number) is not None

    def _judge_tags(self, acquisition: Acquisition) -> None:
        """Learn from two records whether there is a gap; tags that stand still are no clock."""
        first, second = (self._fitting(acquisition.take()) for _ in range(2))
        if first.tag_s is None or second.tag_s is None:
            return
        n_samples = (second.tag_s - first.tag_s) / first.x_increment_s
        acquisition.is_continuous = abs(n_samples - first.n_samples) < 0.5
        acquisition.has_tags = n_samples > first.n_samples - 0.5

    def _check_mains(self, acquisition: Acquisition) -> str:
        """Return what is to be said of records too short for mains; refuse them if it is mains."""
        supply, duration_s = self._settings.supply, acquisition.duration_s
        is_long = duration_s >= _TWO_CYCLES_S * (1 - 1e-3)
        if supply is Supply.DC or acquisition.is_continuous or is_long:
            return ""
        short = (
            f"{self._settings.address} takes records of {duration_s:g} s, in which no whole line"
            " cycle need lie"
        )
        fix = f"set record_s = {_TWO_CYCLES_S:g} or more (two cycles of 50 Hz)"
        if supply is Supply.MAINS:
            raise InstrumentError(f'{short}: {fix}, or supply = "dc" if it is not mains')
        return f'{short}: if the supply is mains, {fix}; if it is not, set supply = "dc"'

    def _fitting(self, record: Record | DroppedRecord) -> Record:
        if isinstance(record, DroppedRecord):
            raise ProtocolError(f"{self._settings.address}: {record.reason}")
        return record

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise StoppedError


def _describe(state: InputState) -> str:
    """Return an input's unit, probe factor and coupling as text."""
    factor = "" if state.probe_factor is None else f"{state.probe_factor:g}X"
    return " ".join(part for part in (state.unit_word, factor, state.coupling) if part)
