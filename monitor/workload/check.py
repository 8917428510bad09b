"""Holds a checkout of Open-Sora against the table of hooks, without importing it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

from .hooktable import TARGETS, Target
from .probe import version_of


class Finding(NamedTuple):
    """What became of one function of the table."""

    target: Target
    problem: str
    """Empty if it is there as expected."""


def check(checkout: Path) -> tuple[str, list[Finding]]:
    """Return the version of a checkout, and what was found of each function that is hooked.

    Parameters
    ----------
    checkout
        Folder that contains the package ``opensora``.

    Raises
    ------
    FileNotFoundError
        If there is no Open-Sora.
    """
    version = version_of(checkout / "opensora")
    if not version:
        raise FileNotFoundError(
            f"{checkout} holds no Open-Sora: expected a folder 'opensora' with utils/sampling.py or"
            " schedulers in it"
        )
    targets = [target for target in TARGETS[version] if not target.is_foreign]
    return version, [Finding(target, _problem(checkout, target)) for target in targets]


def _problem(checkout: Path, target: Target) -> str:
    path = checkout.joinpath(*target.module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        found: ast.AST | None = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return f"module cannot be read: {error}"
    for name in target.name.split("."):
        found = _definition(found, name)
    if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "is not defined there"
    names = _parameters(found)
    if names != target.parameters:
        return f"has parameters ({', '.join(names)}), expected ({', '.join(target.parameters)})"
    return ""


def _definition(within: ast.AST | None, name: str) -> ast.AST | None:
    for node in getattr(within, "body", []):
        if getattr(node, "name", None) == name:
            return node  # type: ignore[no-any-return]
    return None


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    names = function.args
    every = [*names.posonlyargs, *names.args, names.vararg, *names.kwonlyargs, names.kwarg]
    return tuple(one.arg for one in every if one is not None)


def main(folders: list[str]) -> int:
    """Print what was found in each checkout; 0 if all is as expected."""
    n_wrong = 0
    for folder in folders:
        try:
            version, findings = check(Path(folder))
        except FileNotFoundError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        wrong = [finding for finding in findings if finding.problem]
        n_wrong += len(wrong)
        right = len(findings) - len(wrong)
        sys.stdout.write(f"{folder}: Open-Sora {version}, {right} of {len(findings)} hooks fit\n")
        for target, problem in wrong:
            sys.stdout.write(f"  {target.module}.{target.name} {problem}\n")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
