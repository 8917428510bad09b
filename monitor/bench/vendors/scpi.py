"""The grammar of SCPI (SCPI-99 volume 1, IEEE 488.2), as far as an oscilloscope needs it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

Answer = str | bytes | AsyncGenerator[bytes, None]
"""A text, a block of bytes with its header, or blocks until the next message arrives."""

Reply = Answer | None
"""What a command gives; None is no reply."""

Unit = tuple[str, tuple[str, ...]]
"""The header of a command, from the root, and its arguments."""

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?)\s*([A-Z]*)", re.IGNORECASE)
_UNITS = {"": 1.0, "V": 1.0, "A": 1.0, "S": 1.0, "X": 1.0, "MV": 1e-3, "MA": 1e-3, "MS": 1e-3}
_UNITS |= {"UV": 1e-6, "UA": 1e-6, "US": 1e-6, "NS": 1e-9, "KV": 1e3, "KA": 1e3}
_SAMPLES = re.compile(r"([\d.]+(?:E[+-]?\d+)?)([KMG]?)(?:PTS)?", re.IGNORECASE)
_SIZES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9}
_QUEUE = 30  # errors kept


class ScpiError(Exception):
    """What is put into the error queue instead of being done."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f'{code:+d},"{text}"')
        self.code = code
        self.text = text


def undefined_header() -> ScpiError:
    """Return the error for a command that does not exist here."""
    return ScpiError(-113, "Undefined header")


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it arrived."""

    arguments: tuple[str, ...]
    suffixes: tuple[int, ...]
    """The numbers in the header, e.g. (2,) of ``:CHANnel2:SCALe``."""
    header: str = ""
    """As the manual prints it: ``:CHANnel<n>:SCALe?``."""

    def argument(self, at: int = 0) -> str:
        """Return one argument; refuse if it is missing."""
        if at >= len(self.arguments):
            raise ScpiError(-109, "Missing parameter")
        return self.arguments[at]


Handler = Callable[[Call], Reply]


class Commands:
    """A table of commands, found by their short or their long form in any case.

    Parameters
    ----------
    handlers
        By header as a manual prints it: ``:CHANnel<n>:SCALe?``; capitals are the short form,
        ``<n>`` a number that is 1 if it is left out, ``[:DATA]`` a part that may be left out.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._table = [(_pattern(header), handler, header) for header, handler in handlers.items()]
        self._known: dict[str, tuple[Handler, tuple[int, ...], str]] = {}

    def find(self, header: str) -> tuple[Handler, tuple[int, ...], str]:
        """Return what to call, the numeric suffixes and the header as the manual prints it.

        Refuses an undefined header.
        """
        found = self._known.get(header)
        if found is not None:
            return found
        for pattern, handler, printed in self._table:
            match = pattern.fullmatch(header)
            if match:
                suffixes = tuple(int(digits or 1) for digits in match.groups())
                found = handler, suffixes, printed
                self._known[header] = found
                return found
        raise undefined_header()


class ErrorQueue:
    """The instrument's errors, oldest first."""

    def __init__(self) -> None:
        self._errors: list[ScpiError] = []

    def __len__(self) -> int:
        return len(self._errors)

    def append(self, error: ScpiError) -> None:
        """Add an error; the last one of a full queue says that it overflowed."""
        if len(self._errors) < _QUEUE:
            self._errors.append(error)
        else:
            self._errors[-1] = ScpiError(-350, "Queue overflow")

    def take(self) -> ScpiError | None:
        """Return and remove the oldest error; None if there is none."""
        return self._errors.pop(0) if self._errors else None

    def clear(self) -> None:
        """Forget all errors."""
        self._errors.clear()


def units(message: str) -> list[Unit]:
    """Split a message into commands: header from the root, and arguments.

    A header that does not begin with ``:`` continues the path of the one before it; common
    commands (``*OPC?``) leave the path alone.
    """
    path = ""
    result = []
    for unit in _split(message, ";"):
        header, _, rest = unit.strip().partition(" ")
        if not header:
            continue
        if not header.startswith("*"):
            header = header if header.startswith(":") else f"{path}:{header}"
            path = header.rpartition(":")[0]
        arguments = tuple(part.strip() for part in _split(rest, ",")) if rest.strip() else ()
        result.append((header, arguments))
    return result


def number(text: str) -> float:
    """Return a number with an optional unit, e.g. ``100 mV``; refuse anything else."""
    match = _NUMBER.fullmatch(text.strip())
    factor = _UNITS.get(match[2].upper()) if match else None
    if match is None or factor is None:
        raise ScpiError(-104, "Data type error")
    return float(match[1]) * factor


def samples(text: str) -> int:
    """Return a number of samples such as ``10k``, ``1.4M`` or ``5000``; refuse anything else."""
    match = _SAMPLES.fullmatch(text.strip())
    if match is None:
        raise ScpiError(-104, "Data type error")
    return round(float(match[1]) * _SIZES[match[2].upper()])


def boolean(text: str) -> bool:
    """Return ON, OFF, 1 or 0; refuse anything else."""
    return choice(text, "ON", "OFF", "1", "0") in {"ON", "1"}


def choice(text: str, *options: str) -> str:
    """Return the short form of the option that the text means; refuse anything else.

    Options are written as a manual prints them, e.g. ``MSBFirst``.
    """
    for option in options:
        if _pattern(option).fullmatch(text.strip()):
            return short_form(option)
    raise ScpiError(-224, "Illegal parameter value")


def within(value: float, low: float, high: float) -> float:
    """Return a value that lies in ``[low, high]``; refuse any other."""
    if not low <= value <= high:
        raise ScpiError(-222, "Data out of range")
    return value


def nr3(value: float) -> str:
    """Return a real number as an instrument prints it."""
    return f"{value:+.8E}"


def block(data: bytes, n_digits: int = 8) -> bytes:
    """Return bytes as a definite-length block with ``n_digits`` of length, or more if need be."""
    length = b"%0*d" % (n_digits, len(data))
    return b"#%d" % len(length) + length + data


def setting(
    header: str, write: Callable[[Call], None], read: Callable[[Call], Reply]
) -> dict[str, Handler]:
    """Return the command and the query of a setting."""
    return {header: write, f"{header}?": read}


def short_form(mnemonic: str) -> str:
    """Return the capitals of a mnemonic or a header that is written as a manual prints it."""
    return "".join(letter for letter in mnemonic if not letter.islower())


def _pattern(header: str) -> re.Pattern[str]:
    """Return what matches the short and the long form of every word of a header."""

    def word(match: re.Match[str]) -> str:
        long = match[0]
        return f"(?:{short_form(long)}|{long})"

    escaped = header.replace("?", r"\?").replace("*", r"\*").replace("[", "(?:").replace("]", ")?")
    text = re.sub(r"[A-Z]+[a-z]+", word, escaped.replace("<n>", r"(\d*)"))
    return re.compile(text, re.IGNORECASE)


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quotes."""
    parts, quote = [""], ""
    for letter in text:
        if letter in {'"', "'"} and quote in {"", letter}:
            quote = "" if quote else letter
        if letter == separator and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
