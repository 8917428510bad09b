"""One record of an instrument as it is set now, and everything that is wrong with it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.config import InstrumentSettings
from monitor.dsp.scale import to_units
from monitor.errors import ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import Supply
from monitor.setup.findings import (
    Finding,
    exchanged,
    of_own_record,
    of_panel,
    swapped,
    voltage_and_current,
)
from monitor.setup.levels import Levels, measure
from monitor.setup.nominal import is_usual
from monitor.setup.record_findings import of_record
from monitor.sources.acquisition import Record
from monitor.sources.clock import SystemClock
from monitor.sources.driver import Driver
from monitor.sources.inspect import Panel, inspect


@dataclass(frozen=True, slots=True)
class Trial:
    """What one look at an instrument gave."""

    panel: Panel
    findings: tuple[Finding, ...]
    levels: Levels | None = None
    """None if the instrument contradicts the settings, so that nothing was measured."""
    values: NDArray[np.float32] | None = None
    """Shape (n_channels, n_samples), in each channel's unit; None likewise."""

    @property
    def is_refused(self) -> bool:
        """Return whether nothing can be measured with these settings."""
        return self.levels is None

    @property
    def is_wrong(self) -> bool:
        """Return whether the numbers would be wrong."""
        return any(finding.level == "error" for finding in self.findings)


class Preview:
    """Looks at an instrument, again and again, while it is entered; blocking, on one thread.

    Parameters
    ----------
    settings
        Which scope, and what is connected to it.
    panel
        How the scope is set, if it was asked already.
    wait
        Waits for some seconds; True, at once, when the look is to be given up.
    """

    def __init__(
        self,
        settings: InstrumentSettings,
        *,
        panel: Panel | None = None,
        wait: Callable[[float], bool],
    ) -> None:
        self._settings = settings
        self._wait = wait
        # A record too short for mains is a finding here, with the others beside it.
        lenient = msgspec.structs.replace(settings, supply=Supply.AUTO)
        self._driver = Driver(lenient, now_ns=SystemClock().now_ns, wait=wait, delay=lambda: 0.0)
        self._panel = panel
        self._refused: tuple[Finding, ...] = ()

    def __enter__(self) -> Self:
        """Ask how the scope is set, and connect if that is as the settings say.

        Raises
        ------
        ConfigError
            If the address or the dialect is wrong.
        ConnectionLostError, ProtocolError
            If it does not answer, or not as it should.
        InstrumentError
            If it is no scope that can be spoken to.
        """
        settings = self._settings
        if self._panel is None:
            self._panel = inspect(
                settings.address, dialect=settings.dialect, timeout_s=settings.timeout_s
            )
        self._refused = of_panel(settings, self._panel)
        if self._refused:
            self._refused = self._exchanged(self._panel) or self._refused
        else:
            with contextlib.ExitStack() as stack:
                stack.callback(self._driver.close)
                self._connect()
                stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._driver.close()

    def take(self) -> Trial:
        """Return the next look.

        Raises
        ------
        ConnectionLostError, ProtocolError
            If the scope does not answer, or not as it should.
        """
        if self._panel is None:
            raise RuntimeError("Preview is used outside its `with`")
        if self._refused:
            return Trial(self._panel, self._refused)
        record = self._driver.acquire()
        if not isinstance(record, Record):
            raise ProtocolError(f"{self._settings.address}: {record.reason}")
        inputs = self._settings.inputs
        values = to_units(record.codes, [item.channel() for item in inputs], record.scales)
        clipped = np.sum(record.clipped, axis=0).tolist()
        levels = measure(values, clipped, 1.0 / record.x_increment_s, inputs)
        findings = of_record(levels, self._settings, self._panel)
        findings += of_own_record(self._settings, self._panel)
        return Trial(self._panel, findings, levels, values)

    def _exchanged(self, panel: Panel) -> tuple[Finding, ...]:
        """Return that voltage and current are swapped, if a record shows that they are right so.

        Where the scope shows volts of both, what contradicts the settings may be a factor, too.
        """
        other = exchanged(self._settings)
        pair = voltage_and_current(self._settings)
        if other is None or pair is None or of_panel(other, panel):
            return ()
        preview = Preview(other, panel=panel, wait=self._wait)
        with preview:
            trial = preview.take()
        if trial.is_wrong or trial.levels is None or not is_usual(trial.levels, other.nominal_v):
            return ()
        return (swapped(*(item.input for item in pair)),)

    def _connect(self) -> None:
        try:
            self._driver.connect()
        except (ConnectionLostError, ProtocolError):
            raise
        except InstrumentError as error:
            what, _, fix = str(error).partition("; ")
            self._refused = (Finding(id="refused", level="error", what=what, fix=fix),)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def look(settings: InstrumentSettings) -> Trial:
    """Return one look at an instrument; errors as of ``Preview``."""
    with Preview(settings, wait=_sleep) as preview:
        return preview.take()
