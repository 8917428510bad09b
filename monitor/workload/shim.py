"""What every Python that ``wattstage run`` has started does at once; it loads next to nothing.

The hooks are loaded when the first of what they know is imported, so that a Python that has
nothing to do with it, such as a helper of torchrun, starts as soon as it would.
"""

# Nothing that Python has not loaded by now is imported at the top, not even typing.
import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

RUN_ID = "WATTSTAGE_RUN_ID"
"""Environment variable: names the run; without it nothing is hooked."""
PARENT = "WATTSTAGE_PARENT"
"""Span id of the run."""
PREFIX = "WATTSTAGE_PREFIX"
TIMING = "WATTSTAGE_TIMING"
"""event, sync or host."""
RANKS = "WATTSTAGE_RANKS"
"""``all``, or 0: which processes of a run tell their stages."""
HOOKS = "WATTSTAGE_HOOKS"
"""``none`` where the stages come from the program's log."""
STAGES = "WATTSTAGE_STAGES"
"""What the user has chosen, as ``chosen.encoded`` writes it."""
LAST_WORDS = "WATTSTAGE_LAST_WORDS"
"""File to which a process adds what has ended it, and which markers it has lost."""
PAHO = "WATTSTAGE_PAHO"
"""Folder that contains paho-mqtt, for a Python that has none."""

OPENSORA = ("opensora",)
DIFFUSERS = ("diffusers.pipelines.pipeline_utils", "diffusers.utils.export_utils")


def install() -> None:
    """Wait for what the hooks know, and leave word of what ends the program."""
    ending = LastWord()
    atexit.register(ending.leave)
    if os.environ.get("RANK", "0") != "0" and os.environ.get(RANKS) != "all":
        return
    names = awaited()
    if names:
        sys.meta_path.insert(0, Waiting(names, ending))


def awaited() -> "frozenset[str]":
    """Return the modules that something is to be hooked in."""
    names = [] if os.environ.get(HOOKS) == "none" else [*OPENSORA, *DIFFUSERS]
    chosen = os.environ.get(STAGES)
    if chosen:
        from .chosen import decoded  # noqa: PLC0415

        names += [one.module for one in decoded(chosen)]
    return frozenset(names)


class LastWord:
    """What ended a program, for who started it; it counts if the program has failed."""

    def __init__(self) -> None:
        self.of_a_stage: Callable[[], str] = str  # not evaluated, as of any attribute
        """What a stage has ended by, in words; empty if none has."""

    def leave(self) -> None:
        """Add what nobody has caught, or else what a stage has ended by, to the file for that."""
        uncaught = getattr(sys, "last_value", None)
        if not os.environ.get(LAST_WORDS):
            return
        if uncaught is None:
            text = self.of_a_stage()
        else:
            from .spans import told  # noqa: PLC0415

            text = told(uncaught)
        if not text:
            return
        from ..markers.client import leave_word  # noqa: PLC0415  # few programs need it

        rank = os.environ.get("RANK", "0")
        leave_word(ended_by=text if rank == "0" else f"rank {rank}: {text}")


class Waiting:
    """Loads the hooks when something of theirs is about to be imported, and is gone then.

    Parameters
    ----------
    names
        Of the modules.
    ending
        Is told by the hooks what a stage ends by.
    """

    def __init__(self, names: "frozenset[str]", ending: LastWord) -> None:
        self._names = names
        self._ending = ending

    def find_spec(
        self,
        fullname: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """Leave a module to the others; one of the names, to those that the hooks have added."""
        if fullname not in self._names:
            return None
        sys.meta_path.remove(self)
        try:
            from . import hooks  # noqa: PLC0415

            hooks.install(self._ending)
        except Exception as error:
            sys.stderr.write(f"wattstage: no stages will be marked: {error!r}\n")
        for finder in list(sys.meta_path):
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None
