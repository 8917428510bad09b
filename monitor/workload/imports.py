"""Tells when a module has been imported, before whoever imports it sees it.

What a module binds by ``from x import y`` is patched by patching ``x`` first: so patches are
applied at the end of the import of the module that defines a name.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from typing import TYPE_CHECKING, Any

from .traces import without_us

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    Seen = Callable[[ModuleType], None]


class ImportWatch(importlib.abc.MetaPathFinder):
    """Calls back once for each module that is waited for, right after it ran.

    Parameters
    ----------
    failed
        Is told what a callback raised; the import goes on.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._waiting: dict[str, list[Seen]] = {}
        self._failed = failed

    def install(self) -> None:
        """Watch from now on."""
        sys.meta_path.insert(0, self)

    def when(self, name: str, seen: Seen) -> None:
        """Call ``seen`` with the module of that name; at once if it was imported already."""
        module = sys.modules.get(name)
        if module is not None:
            self._call(seen, module)
        else:
            self._waiting.setdefault(name, []).append(seen)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module as if this finder were not there, and watch its loader."""
        if fullname not in self._waiting:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = None if finder is self or find is None else find(fullname, path, target)
            if spec is None:
                continue
            if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = _WatchedLoader(spec.loader, self)
            return spec  # type: ignore[no-any-return]
        return None

    def loaded(self, module: ModuleType) -> None:
        """Call back those who wait for a module."""
        for seen in self._waiting.pop(module.__name__, []):
            self._call(seen, module)

    def _call(self, seen: Seen, module: ModuleType) -> None:
        try:
            seen(module)
        except Exception as error:  # the workload matters more than its markers
            self._failed(error)


class _WatchedLoader(importlib.abc.Loader):
    """The loader of a module, and a word when it has done its work."""

    def __init__(self, loader: Any, watch: ImportWatch) -> None:
        self._loader = loader
        self._watch = watch

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave it to the module's own loader."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run the module by its own loader, which it then keeps."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        try:
            self._loader.exec_module(module)
        except BaseException as error:
            error.__traceback__ = without_us(error.__traceback__)
            raise
        self._watch.loaded(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
