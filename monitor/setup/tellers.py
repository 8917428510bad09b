"""Who hears of a set-up: a person at a terminal, or a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from monitor.setup import shown
from monitor.setup.events import tell
from monitor.setup.guide import columns
from monitor.setup.plan import guess
from monitor.setup.presets import PRESETS
from monitor.setup.preview import Trial
from monitor.sources.inspect import Panel

_COLUMNS = 240  # of the picture of a record that a program gets


class TextTeller:
    """Prints."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def panel(self, panel: Panel) -> None:
        """Print how the scope is set."""
        self._out.print(shown.panel(panel))

    def trial(self, trial: Trial) -> None:
        """Print levels, a picture and findings."""
        self._out.print(shown.trial(trial))

    def saved(self, path: Path) -> None:
        """Print where the profile is, and what to do with it."""
        self._out.print(f"\nsaved {path}", soft_wrap=True, highlight=False)
        self._out.print(f"measure: wattstage record --config {path}", soft_wrap=True)


class JsonTeller:
    """Writes events (docs/reference/setup-json.md)."""

    def panel(self, panel: Panel) -> None:
        """Tell how the scope is set, which inputs are likely, and which probes are usual."""
        voltage, current = guess(panel)
        tell("panel", panel, voltage=voltage, current=current, presets=msgspec.to_builtins(PRESETS))

    def trial(self, trial: Trial) -> None:
        """Tell the findings, then the preview they belong to."""
        low, high = ([], []) if trial.values is None else columns(trial.values, _COLUMNS)
        levels = {} if trial.levels is None else msgspec.to_builtins(trial.levels)
        for channel, unit in zip(
            levels.get("channels", ()),
            [level.unit for level in trial.levels.channels] if trial.levels else (),
            strict=True,
        ):
            channel["unit"] = unit
        tell(
            "preview",
            refused=trial.is_refused,
            wrong=trial.is_wrong,
            findings=msgspec.to_builtins(trial.findings),
            low=low,
            high=high,
            **levels,
        )

    def saved(self, path: Path) -> None:
        """Tell where the profile is."""
        tell("saved", path=str(path))


class Person:
    """Somebody at a terminal."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def ask(self, question: str, default: str, choices: Sequence[str] = ()) -> str:
        """Ask until the answer is one of the choices."""
        few = f" ({'/'.join(choices)})" if choices else ""
        hint = f" [{default}]" if default else ""
        while True:
            line = Text.assemble(question + few, (hint, "cyan"), ": ")
            answer = self._out.input(line).strip() or default
            if not choices or answer in choices:
                return answer
            self.complain(f"{answer!r} is none of {', '.join(choices)}")

    def complain(self, what: str) -> None:
        """Tell what is wrong with an answer."""
        self._out.print(Text(what, style="yellow"))
