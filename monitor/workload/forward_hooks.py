"""Runs something around the calls of a ``torch.nn.Module``, without importing torch."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from .calls import is_being_compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextlib.contextmanager
def hooked(
    module: Any, *, before: Callable[[], Any], after: Callable[[], Any] | None = None
) -> Generator[None, None, None]:
    """Run something around each call of a module; of anything that is no module, nothing."""
    handles = []
    if hasattr(module, "register_forward_pre_hook"):
        handles.append(module.register_forward_pre_hook(silent(before)))
        if after is not None:
            handles.append(module.register_forward_hook(silent(after)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def silent(function: Callable[[], Any]) -> Callable[..., None]:
    """Return a hook that returns nothing, whatever the function returns; torch would use it."""

    def hook(*_: Any) -> None:
        if not is_being_compiled():
            function()

    return hook
