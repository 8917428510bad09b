"""One set-up from its beginning to a profile, for a person or for a program."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.config import Settings
from monitor.errors import ConfigError
from monitor.setup.plan import Plan, settings, settled
from monitor.setup.preview import Preview, Trial
from monitor.setup.profile import write
from monitor.sources.inspect import Panel

_EVERY_S = 0.5  # between two looks of a live preview


class Teller(Protocol):
    """Who hears of it."""

    def panel(self, panel: Panel) -> None:
        """Tell how the scope is set."""
        ...

    def trial(self, trial: Trial) -> None:
        """Tell what one look gave."""
        ...

    def saved(self, path: Path) -> None:
        """Tell that a profile was written."""
        ...


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a set-up ended."""

    settings: Settings
    trial: Trial


def attempt(
    plan: Plan,
    panel: Panel,
    teller: Teller,
    *,
    stopped: threading.Event | None = None,
) -> Outcome:
    """Look at an instrument as a plan says; until stopped, if there is such an event.

    Raises
    ------
    ConfigError
        If the plan makes no sense for this scope.
    InstrumentError
        If the scope does not answer, or not as it should.
    """
    made = settings(plan, panel)
    if made.instrument is None:
        raise ConfigError("a plan without an instrument cannot be tried")
    waits = stopped or threading.Event()
    with Preview(made.instrument, panel=panel, wait=waits.wait) as preview:
        trial = preview.take()
        teller.trial(trial)
        while stopped is not None and not stopped.wait(_EVERY_S) and not trial.is_refused:
            trial = preview.take()
            teller.trial(trial)
    return Outcome(
        settings=made if trial.levels is None else settled(made, trial.levels), trial=trial
    )


def save(
    outcome: Outcome, path: Path, teller: Teller, *, overwrite: bool, anyway: bool = False
) -> None:
    """Write the profile.

    Raises
    ------
    ConfigError
        If the numbers would be wrong, or the file may not be written.
    """
    trial = outcome.trial
    if trial.is_refused or (trial.is_wrong and not anyway):
        hint = "" if trial.is_refused else ", or say --anyway"
        raise ConfigError(
            f"{path} was not written, as its numbers would be wrong; correct what was found{hint}"
        )
    write(path, outcome.settings, heading(trial.panel, path), overwrite=overwrite)
    teller.saved(path)


def heading(panel: Panel, path: Path) -> str:
    """Return what stands at the top of a profile."""
    return (
        f"Wattstage profile of {panel.identity}\n"
        f"Made by `wattstage setup` on {datetime.now(UTC):%Y-%m-%d}; edit it as you like.\n"
        f"Measure with it: wattstage record --config {path.name}\n"
    )


def columns(values: NDArray[np.floating], n_columns: int) -> tuple[list[list[float]], ...]:
    """Return the lowest and highest value of each column of a picture.

    Parameters
    ----------
    values : shape (n_channels, n_samples)

    Returns
    -------
    Two lists, one per channel each, of ``min(n_columns, n_samples)`` numbers.
    """
    n = min(n_columns, values.shape[1])
    starts = np.linspace(0, values.shape[1], n, endpoint=False).astype(np.int64)
    return (
        _short(np.minimum.reduceat(values, starts, axis=1)),
        _short(np.maximum.reduceat(values, starts, axis=1)),
    )


def _short(rows: NDArray[np.floating]) -> list[list[float]]:
    """Return numbers of five digits: more cannot be seen."""
    return [[float(f"{value:.5g}") for value in row] for row in rows]
