"""Holds a checkout of Open-Sora against what the hooks need, without importing it."""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .hooktable import TARGETS, Target
from .probe import version_of
from .relied import RELIED, Held, Module, Use, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Item = Target | Use | Held | Module | Word

_MODULES = frozenset(["Module", "nn.Module", "torch.nn.Module", "PreTrainedModel", "ModelMixin"])


class Finding(NamedTuple):
    """What became of one thing that the hooks need."""

    target: Item
    problem: str
    """Empty if it is there as expected."""

    @property
    def is_hook(self) -> bool:
        """Return whether it is a function that is hooked when it is imported."""
        return isinstance(self.target, Target) and bool(self.target.hook)

    def __str__(self) -> str:
        """Return what is wrong, in one line."""
        return f"{self.target.module}.{self.target.name} {self.problem}"


def check(
    checkout: Path, packages: Path | None = None, *, only_hooks: bool = False
) -> tuple[str, list[Finding]]:
    """Return the version of a checkout, and what was found of each thing that the hooks need.

    Parameters
    ----------
    checkout
        Folder that contains the package ``opensora``.
    packages
        Folder that contains the packages that it needs, such as ColossalAI; without it, these are
        not looked at.
    only_hooks
        Whether to look at no more than the functions that are hooked at import.

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
    sources: dict[Path, ast.Module] = {}
    findings = []
    for item in (*TARGETS[version], *(() if only_hooks else RELIED[version])):
        is_foreign = isinstance(item, Target) and item.is_foreign
        folder = packages if is_foreign else checkout
        if folder is not None:
            findings.append(Finding(item, _problem(folder, item, sources)))
    return version, findings


def _problem(folder: Path, item: Item, sources: dict[Path, ast.Module]) -> str:
    path = folder.joinpath(*item.module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        if path not in sources:
            sources[path] = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return f"module cannot be read: {error}"
    tree = sources[path]
    if isinstance(item, Held):
        owner, _, attribute = item.name.rpartition(".")
        is_held = attribute in _held(_definition(tree, owner))
        return "" if is_held else "is not given to itself by the object"
    found = _definition(tree, item.name)
    if isinstance(item, Module):
        bases = {_dotted(base) for base in getattr(found, "bases", [])}
        return "" if bases & _MODULES else "is no class of torch's modules"
    if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "is not defined there"
    if isinstance(item, Use):
        return _problem_of_use(found, item)
    if isinstance(item, Word):
        texts = (node.value for node in ast.walk(found) if isinstance(node, ast.Constant))
        return "" if item.text in texts else f"does not have the text {item.text!r}"
    names = _parameters(found)
    if names != item.parameters:
        return f"has parameters ({', '.join(names)}), expected ({', '.join(item.parameters)})"
    return ""


def _problem_of_use(function: ast.AST, use: Use) -> str:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    given = [
        {keyword.arg for keyword in call.keywords}
        for call in calls
        if _dotted(call.func) == use.call
    ]
    if not given:
        return f"does not call {use.call}"
    if not any(names.issuperset(use.keywords) for names in given):
        return f"does not call {use.call} with {', '.join(use.keywords)} by name"
    return ""


def _definition(within: ast.AST, path: str) -> ast.AST | None:
    found: ast.AST | None = within
    for name in path.split("."):
        inside: Sequence[Any] = getattr(found, "body", [])
        found = next((node for node in inside if getattr(node, "name", None) == name), None)
    return found


def _held(owner: ast.AST | None) -> Iterator[str]:
    """Return the names of the attributes that methods of a class assign to ``self``."""
    for node in ast.walk(owner) if owner is not None else ():
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
            continue
        if _dotted(node.value) == "self":
            yield node.attr


def _dotted(node: ast.AST) -> str:
    """Return an expression of names, attributes and indices as it is written, without indices."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return f"{_dotted(node.value)}[]" if isinstance(node, ast.Subscript) else "?"


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    names = function.args
    every = [*names.posonlyargs, *names.args, names.vararg, *names.kwonlyargs, names.kwarg]
    return tuple(one.arg for one in every if one is not None)


def main(arguments: list[str]) -> int:
    """Print what was found in each checkout; 0 if all is as expected."""
    parser = argparse.ArgumentParser(prog="check-opensora", description=main.__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="checkouts of Open-Sora")
    parser.add_argument("--packages", type=Path, help="where its packages are (site-packages)")
    given = parser.parse_args(arguments)
    n_wrong = 0
    for folder in given.folders:
        try:
            version, findings = check(folder, given.packages)
        except FileNotFoundError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        hooks = [finding for finding in findings if finding.is_hook]
        others = [finding for finding in findings if not finding.is_hook]
        fit, there = (sum(not each.problem for each in some) for some in (hooks, others))
        sys.stdout.write(
            f"{folder}: Open-Sora {version}, {fit} of {len(hooks)} hooks fit,"
            f" {there} of {len(others)} things that they need are there\n"
        )
        wrong = [finding for finding in findings if finding.problem]
        n_wrong += len(wrong)
        for finding in wrong:
            sys.stdout.write(f"  {finding}\n")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
