"""Sources that installed packages provide: continuous streamers that we do not know.

A package names them in the entry point group ``wattstage.sources``; ``instrument.kind`` in the
settings chooses one. docs/how-to/write-a-source.md tells how to write one.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator
from importlib.metadata import EntryPoint, entry_points
from types import TracebackType
from typing import Any, Self

import numpy as np

from monitor.config import InstrumentSettings
from monitor.dsp.power import rails
from monitor.errors import ConfigError, InstrumentError, WattstageError
from monitor.model import Block, Marker, Reading, StreamInfo
from monitor.sources.clock import Clock
from monitor.sources.source import Item, Source

logger = logging.getLogger(__name__)

GROUP = "wattstage.sources"
"""The entry point group."""

_METHODS = ("__aenter__", "__aexit__", "items")


def make_source(settings: InstrumentSettings, clock: Clock) -> Source:
    """Return the source that an installed package makes of the settings.

    What it delivers is checked, so that its faults are told as its own.

    Parameters
    ----------
    settings
        ``kind`` is the name of an entry point, which is called with these settings and the clock.

    Raises
    ------
    ConfigError
        If no package, or more than one, provides that kind, or the package refuses the settings.
    InstrumentError
        If the package cannot be imported, or makes something else than a source.
    """
    entry = _entry(settings.kind)
    who = f"source {entry.name!r} ({entry.value})"
    try:
        factory = entry.load()
    except Exception as error:  # whatever the import of a stranger may raise
        raise InstrumentError(
            f"{who} cannot be imported: {_text(error)}; install its package again, with all that"
            " it needs"
        ) from error
    with _told(who):
        source: Any = factory(settings, clock)
    missing = [name for name in _METHODS if not hasattr(source, name)]
    if missing:
        raise InstrumentError(
            f"{who} makes a {type(source).__name__}, which is no source: it lacks"
            f" {', '.join(missing)}; report it to its makers"
        )
    return CheckedSource(source, who)


class CheckedSource:
    """A source that is not ours, whose every item is looked at before anybody relies on it.

    Parameters
    ----------
    source
        The stranger.
    who
        What it is called in messages.
    """

    def __init__(self, source: Source, who: str) -> None:
        self._source = source
        self._who = who

    @property
    def info(self) -> StreamInfo:
        """Return what holds for every block; valid once entered."""
        return self._source.info

    async def __aenter__(self) -> Self:
        with _told(self._who):
            await self._source.__aenter__()
        try:
            with _told(self._who):
                wrong = _wrong_with_info(self._source.info)
            if wrong:
                raise InstrumentError(f"{self._who} states {wrong}; report it to its makers")
        except BaseException:
            with contextlib.suppress(Exception):  # what went wrong first is what counts
                await self._source.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _told(self._who):
            await self._source.__aexit__(kind, error, traceback)

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield what the source yields, up to the first item that cannot be.

        Raises
        ------
        InstrumentError
            If the source fails, or an item is none, or does not belong to the stream.
        """
        info = self.info
        stop: int | None = None
        items = self._source.items()
        try:
            with _told(self._who):
                async for item in items:
                    if wrong := _wrong_with(item, info, stop):
                        raise InstrumentError(
                            f"{self._who} delivered {wrong}; report it to its makers"
                        )
                    stop = item.stop if isinstance(item, Block) else stop
                    yield item
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()


def _entry(kind: str) -> EntryPoint:
    found = entry_points(group=GROUP)
    named = list({entry.value: entry for entry in found if entry.name == kind}.values())
    if len(named) == 1:
        return named[0]
    if named:
        raise ConfigError(
            f"instrument.kind {kind!r} is provided by more than one package:"
            f" {', '.join(entry.value for entry in named)}; uninstall all but one"
        )
    installed = ", ".join(sorted({entry.name for entry in found})) or "none"
    raise ConfigError(
        f'instrument.kind must be "scope" or the name of an installed source, got {kind!r};'
        f" sources that are installed: {installed}. Check the name, or install its package beside"
        " wattstage"
    )


def _wrong_with_info(info: object) -> str:
    """Return what cannot be in a stream's info; empty if all can."""
    if not isinstance(info, StreamInfo):
        return f"a {type(info).__name__} as its info, expected a StreamInfo"
    try:
        rails(info.channels)
        is_integer = np.dtype(info.dtype).kind in "iu"
    except (TypeError, ValueError) as error:
        return f"a stream that cannot be: {error}"
    if not is_integer:
        return f"codes of {info.dtype}, expected integers, with a scale that makes units of them"
    if not 0 < info.sample_rate_hz < np.inf:
        return f"a sample rate of {info.sample_rate_hz} Hz"
    return ""


def _wrong_with(item: object, info: StreamInfo, stop: int | None) -> str:
    """Return why an item cannot come after what ended at ``stop``; empty if it can."""
    if isinstance(item, Marker | Reading):
        return ""
    if not isinstance(item, Block):
        return f"a {type(item).__name__}, expected a Block, Marker or Reading"
    n, codes = len(info.channels), item.codes
    if codes.ndim != 2 or not n == len(codes) == len(item.scales) == len(item.clipped):
        return (
            f"a block of {codes.shape} codes, {len(item.scales)} scales and"
            f" {len(item.clipped)} counts of clipped samples, expected {n} channels of each"
        )
    if codes.dtype != np.dtype(info.dtype):
        return f"a block of {codes.dtype} codes, expected the {info.dtype} of its info"
    if stop is not None and item.start < stop:
        return f"a block from sample {item.start} that overlaps those up to {stop}"
    return ""


@contextlib.contextmanager
def _told(who: str) -> Iterator[None]:
    """Tell what a stranger raises as a failure of the stranger."""
    try:
        yield
    except WattstageError:
        raise
    except Exception as error:
        logger.debug("%s failed", who, exc_info=True)
        raise InstrumentError(f"{who} failed: {_text(error)}; report it to its makers") from error


def _text(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
