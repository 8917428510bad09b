"""Whether the stages of a program must be read from its log, and by which patterns."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from monitor.workload.check import check
from monitor.workload.probe import version_of

_PYTHON = re.compile(r"(python|pypy)[0-9.]*")
_APART = frozenset(
    ["docker", "podman", "nerdctl", "apptainer", "singularity", "kubectl", "ssh", "sudo"]
)
_PATTERNS = {"1.0": "1.0", "1.1": "1.0", "1.2": "1.2", "1.3": "1.2"}
_NAMED = {"v1-1": "1.1", "v1-2": "1.2", "v1-3": "1.3", "configs/opensora/": "1.0"}


def opensora_version(command: Sequence[str], folder: Path) -> str:
    """Return the version of Open-Sora that a command runs in a folder; empty if it runs none."""
    version = version_of(folder / "opensora")
    text = shlex.join(command).lower()
    if version or not re.search("open-?sora", text):
        return version
    return next((found for named, found in _NAMED.items() if named in text), "2.0")


def why_not_hooked(command: Sequence[str], folder: Path) -> str:
    """Return why hooks cannot mark the stages of Open-Sora; empty if they can."""
    program = Path(command[0]).name
    if program in _APART:
        return f"{program} does not hand on what sets the hooks"
    flag = _flag_of(command) if _PYTHON.fullmatch(program) else ""
    if flag:
        return f"Python was started with -{flag}, which sets no hooks"
    try:
        _, findings = check(folder, only_hooks=True)
    except FileNotFoundError:
        return ""  # installed somewhere; what does not fit there is noted when it is imported
    wrong = [finding for finding in findings if finding.problem]
    if not wrong:
        return ""
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"this Open-Sora is not as expected: {wrong[0]}{more}"


def patterns_for(version: str) -> str:
    """Return the name of the patterns for a version of Open-Sora."""
    return "opensora-" + _PATTERNS.get(version, "2.0")


def _flag_of(command: Sequence[str]) -> str:
    """Return the option by which Python does not run ``sitecustomize``: I, E or S."""
    rest = iter(command[1:])
    for word in rest:
        if not word.startswith("-") or word.startswith("--") or word == "-":
            return ""
        for k, letter in enumerate(word[1:], 2):
            if letter in "IES":
                return letter
            if letter in "cm":  # what follows is the program
                return ""
            if letter in "WX":
                if k == len(word):
                    next(rest, None)
                break
    return ""
