"""One link, and the dialect that is spoken on it: what is asked, and what the answers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.sources.dialect import WIDTHS, Dialect, Preamble
from monitor.sources.dialects.replies import number
from monitor.sources.visa import VisaLink

_PROBE_S = 0.5  # how long a query may go unanswered that an instrument may not know
_IS_ON = {"1": True, "+1": True, "ON": True, "0": False, "+0": False, "OFF": False}
"""What is answered to whether an input is on."""

T = TypeVar("T")


class Conversation:
    """What is said to one scope; blocking, on one thread.

    Parameters
    ----------
    link
        Connected.
    dialect
        What the scope speaks.
    identity
        Its reply to ``*IDN?``.
    code_format
        BYTE or WORD, as asked for; a family that has no such codes sends its widest.
    timeout_s
        How long the scope may be silent.
    """

    def __init__(
        self, link: VisaLink, dialect: Dialect, identity: str, *, code_format: str, timeout_s: float
    ) -> None:
        self.link = link
        self.dialect = dialect
        self.identity = identity
        self.code_format = code_format if code_format in dialect.formats else dialect.formats[-1]
        """BYTE or WORD, as is transferred."""
        self.width = WIDTHS[self.code_format]
        """Bytes of a code."""
        self.page_points = dialect.page_bytes // self.width
        """Most samples of a data block; 0 if there is no limit."""
        self._patience_s = min(_PROBE_S, timeout_s)

    @property
    def address(self) -> str:
        """Return the VISA resource name."""
        return self.link.address

    def greet(self) -> None:
        """Forget old errors, and bring replies into the form that is expected."""
        self.link.write(self.dialect.clear.format(format=self.code_format))

    def send(self, command: str) -> None:
        """Send a command; InstrumentError if the scope refuses it."""
        self._raise_error(self.link.query(f"{command}\n{self.dialect.error}"), repr(command))

    def raise_errors(self, cause: str) -> None:
        """Raise InstrumentError if the scope has an error to tell."""
        self._raise_error(self.error(), cause)

    def error(self) -> str:
        """Return the oldest error, as the scope words it."""
        return self.link.query(self.dialect.error)

    def _raise_error(self, error: str, cause: str) -> None:
        if not self.dialect.no_error.match(error):
            raise InstrumentError(
                f"{self.address} ({self.identity}) refused {cause}: {error}; choose settings that"
                " it can do"
            )

    def ask(self, query: str, convert: Callable[[str], T]) -> T:
        """Return what a reply means; ProtocolError if it is not what it should be.

        Of several queries, one a line, the replies are joined by ``;``.
        """
        reply = ";".join(self.link.query(part) for part in _queries(query))
        try:
            return convert(reply)
        except (ValueError, OverflowError) as error:
            raise self.wrong(query, f"{error}, {reply[:120]!r}") from error

    def ask_if_known(self, query: str) -> str:
        """Return the reply to a query that the scope may not know; empty if it does not."""
        if not query:
            return ""
        try:
            return self.link.query(query, timeout_s=self._patience_s)
        except ConnectionLostError:
            # A late answer would be taken for the next one: begin on a clean connection.
            self.link.close()
            self.link.open()
            self.greet()
            return ""

    def ask_number_if_known(self, query: str, convert: Callable[[str], float]) -> float | None:
        """Return a number that the scope may not know; None if it does not."""
        reply = self.ask_if_known(query)
        try:
            return convert(reply) if reply else None
        except ValueError:
            return None

    def is_shown(self, which: int) -> bool:
        """Return whether an input is on; InstrumentError if there is none of that number."""
        query = self.dialect.displayed.format(input=which)
        try:
            reply = self.link.query(query, timeout_s=self._patience_s)
        except ConnectionLostError as silence:
            error = self.error()
            if self.dialect.no_error.match(error) or error.upper() in _IS_ON:
                raise  # there is no error; or that was the answer, late
            raise InstrumentError(
                f"{self.address} input {which} does not exist: {self.identity!r} answered"
                f" {error!r}; correct the number of the input in the settings"
            ) from silence
        return _IS_ON.get(reply.upper(), False)

    def learn_page(self) -> None:
        """Ask how many samples a data block has at most."""
        if self.dialect.page:
            self.page_points = int(self.ask(self.dialect.page, number))

    def preamble(self, which: int) -> Preamble:
        """Return what the codes of an input's newest record mean; select that input.

        Raises
        ------
        ProtocolError
            If the reply is no preamble, is of another input, or of codes of another width.
        """
        query = self.dialect.preamble.format(input=which)
        preamble = self._read_preamble(query)
        if np.dtype(preamble.dtype).itemsize != self.width:
            raise self.wrong(
                query,
                f"expected codes of {self.width} bytes, got {preamble.dtype}; somebody else may be"
                " reading the scope",
            )
        if preamble.input not in {None, which}:
            raise self.wrong(
                query,
                f"expected a preamble of input {which}, got one of input {preamble.input}; replies"
                " are out of step, or somebody else is reading the scope",
            )
        if self.dialect.record_points:
            return replace(preamble, n_points=self._record_points(preamble))
        return preamble

    def _record_points(self, preamble: Preamble) -> int:
        dialect = self.dialect

        def whole(reply: str) -> int | None:
            return None if reply.upper() == "AUTO" else int(number(reply))

        n_points = self.ask(dialect.record_points, whole)
        if n_points is None:
            duration_s = self.ask(dialect.timebase, number) * dialect.divisions
            n_points = round(duration_s / preamble.x_increment_s)
        if n_points < 1:
            raise self.wrong(dialect.record_points, f"expected 1 sample or more, got {n_points}")
        return n_points

    def _read_preamble(self, query: str) -> Preamble:
        dialect = self.dialect
        if dialect.parse_descriptor is not None:
            block = self.link.query_block(query, "u1", replace(dialect.framing, counts_items=False))
            try:
                return dialect.parse_descriptor(block.tobytes(), self.width)
            except (ValueError, OverflowError) as error:
                raise self.wrong(query, str(error)) from error
        parse = dialect.parse_preamble
        if parse is None:
            raise TypeError(f"dialect {dialect.id} has no preamble")
        for _ in range(2):
            preamble = self.ask(query, lambda reply: parse(reply, self.width))
            if preamble is not None:
                return preamble
        raise self.wrong(query, "expected a preamble, got none twice")

    def samples(self, which: int, preamble: Preamble) -> NDArray[np.integer]:
        """Return the codes of the input that was selected, shape (n_points,), page by page."""
        n_points = preamble.n_points
        if n_points < 1:
            raise self.wrong(
                self.dialect.preamble.format(input=which),
                f"expected 1 sample or more, got {n_points}; the scope has not acquired any",
            )
        per_page = self.page_points or n_points
        parts = [
            self._page(which, preamble.dtype, start, min(per_page, n_points - start))
            for start in range(0, n_points, per_page)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _page(self, which: int, dtype: str, start: int, count: int) -> NDArray[np.integer]:
        query = self.dialect.data.format(
            input=which, start=start, first=start + 1, last=start + count, count=count
        )
        codes = self.link.query_block(query, dtype, self.dialect.framing)
        if codes.size != count:
            raise self.wrong(query, f"expected {count} samples, got {codes.size}")
        return codes

    def wrong(self, query: str, what: str) -> ProtocolError:
        """Return the error for a reply that should not be."""
        return ProtocolError(f"{self.address}, reply to {query!r}: {what}")


def _queries(message: str) -> Iterator[str]:
    """Yield the parts of a message that end with a query each."""
    part: list[str] = []
    for line in message.split("\n"):
        part.append(line)
        if "?" in line:
            yield "\n".join(part)
            part = []
