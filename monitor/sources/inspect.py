"""What a scope is, and how its inputs are set, without changing anything."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.errors import ConnectionLostError, InstrumentError
from monitor.sources.conversation import Conversation
from monitor.sources.dialects import DIALECTS, replies, spoken_by
from monitor.sources.visa import VisaLink

_MOST_INPUTS = 8


@dataclass(frozen=True, slots=True)
class InputState:
    """How one input is set at the scope."""

    input: int
    shown: bool
    unit: str
    """V, A or W; empty if the instrument cannot tell."""
    probe_factor: float | None
    """Units shown per volt at the input; None if it does not tell."""
    coupling: str
    """DC, AC or GND; empty if it does not tell."""
    range: float | None
    """Height of the screen, in the unit; None if it does not tell."""
    offset: float | None
    """What the middle of the screen shows, in the unit; None if it does not tell."""
    unit_word: str = ""
    """The unit as the scope writes it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """How a scope is set."""

    identity: str
    dialect: str
    """Its id."""
    dialect_name: str
    inputs: tuple[InputState, ...]
    record_s: float | None
    """None if it does not tell."""
    sample_rate_hz: float | None
    """None if it does not tell."""


def identify(address: str, timeout_s: float = 2.0) -> str:
    """Return an instrument's reply to ``*IDN?``, over any VISA resource.

    Raises
    ------
    ConfigError
        If the address is no VISA resource name that can be used.
    ConnectionLostError, ProtocolError
        If nothing answers, or no text.
    """
    with VisaLink(address, timeout_s) as link:
        return ask_identity(link)


def inspect(address: str, *, dialect: str = "auto", timeout_s: float = 2.0) -> Panel:
    """Return how a scope is set; blocking.

    Raises
    ------
    ConfigError
        If the address or the dialect is wrong.
    ConnectionLostError, ProtocolError
        If it does not answer, or not as it should.
    InstrumentError
        If it is no scope that can be spoken to.
    """
    with VisaLink(address, timeout_s) as link:
        talk = begin(link, dialect, timeout_s=timeout_s)
        row = talk.dialect
        inputs: list[InputState] = []
        for number in range(1, _MOST_INPUTS + 1):
            try:
                is_shown = talk.is_shown(number)
            except ConnectionLostError:
                if not inputs:
                    raise
                break
            except InstrumentError:
                break
            inputs.append(read_input(talk, number, is_shown=is_shown))
        timebase_s = talk.ask_number_if_known(row.timebase, replies.number)
        return Panel(
            identity=talk.identity,
            dialect=row.id,
            dialect_name=row.name,
            inputs=tuple(inputs),
            record_s=None if timebase_s is None else timebase_s * row.divisions,
            sample_rate_hz=talk.ask_number_if_known(row.rate, replies.number),
        )


def begin(
    link: VisaLink, dialect: str, *, code_format: str = "WORD", timeout_s: float = 2.0
) -> Conversation:
    """Find out what a scope speaks, and greet it."""
    identity = ask_identity(link)
    row = spoken_by(identity, dialect)
    if row is None:
        *names, last = (row.name for row in DIALECTS.values())
        raise InstrumentError(
            f"{link.address} is {identity[:80]!r}; expected a {', '.join(names)} or {last}: check"
            " the address, or name the scope's dialect in the settings"
        )
    talk = Conversation(link, row, identity, code_format=code_format, timeout_s=timeout_s)
    talk.greet()
    return talk


def ask_identity(link: VisaLink) -> str:
    """Return the reply to ``*IDN?``, without the header that some put before it."""
    return link.query("*IDN?").removeprefix("*IDN ")


def read_input(talk: Conversation, which: int, *, is_shown: bool) -> InputState:
    """Return how an input is set."""
    row = talk.dialect
    if row.units and (is_shown or not row.units_if_shown):
        word = talk.link.query(row.units.format(input=which))
    elif is_shown:
        word = talk.preamble(which).unit
    else:
        word = ""
    word = word.strip('"').upper()
    known = (unit for unit, begins in row.unit_words.items() if word.startswith(begins))
    return InputState(
        input=which,
        shown=is_shown,
        unit=next(known, ""),
        probe_factor=talk.ask_number_if_known(row.factor.format(input=which), row.parse_factor),
        coupling=replies.coupling(talk.ask_if_known(row.coupling.format(input=which))),
        range=_times(
            talk.ask_number_if_known(row.range.format(input=which), replies.number),
            row.range_divisions,
        ),
        offset=talk.ask_number_if_known(
            row.offset.format(input=which), row.parse_offset or replies.number
        ),
        unit_word=word,
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
