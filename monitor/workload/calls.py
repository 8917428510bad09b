"""Wraps functions of somebody else's program, so that a hook runs before and after each call.

A hook is a generator function of a ``Call``: it runs up to its ``yield`` before the call, and from
there when the call is over; what the call raised is raised at the ``yield``. Nothing that a hook
raises reaches the program.
"""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any

from .traces import without_us

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    Hook = Callable[["Call"], Generator[None, None, None]]
    Failed = Callable[[BaseException], None]


class Call:
    """One call of a wrapped function, as its hook sees it.

    Parameters
    ----------
    function, args, kwargs
        What is called, and with what.
    """

    __slots__ = ("args", "function", "kwargs", "result")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        """What the call returned; a hook may replace it."""

    def arguments(self, *, with_defaults: bool = False) -> Mapping[str, Any]:
        """Return the arguments by the names of the function's parameters."""
        bound = inspect.signature(self.function).bind_partial(*self.args, **self.kwargs)
        if with_defaults:
            bound.apply_defaults()
        return bound.arguments


def wrapped(function: Callable[..., Any], hook: Hook, failed: Failed) -> Callable[..., Any]:
    """Return the function with a hook around each of its calls."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_being_compiled():
            return function(*args, **kwargs)
        seen = Call(function, args, kwargs)
        run = _begun(hook, seen, failed)
        if run is None:
            return function(*args, **kwargs)
        try:
            seen.result = function(*args, **kwargs)
        except BaseException as error:
            traceback = without_us(error.__traceback__)
            _ended(run, error, failed)
            error.__traceback__ = traceback
            raise
        _ended(run, None, failed)
        return seen.result

    return call


def is_being_compiled() -> bool:
    """Return whether torch is looking at what the caller does, not doing it.

    A hook in there would break the graph that it makes, or fail where that must be whole.
    """
    torch = sys.modules.get("torch")
    compiler = getattr(torch, "compiler", None)
    return compiler is not None and bool(getattr(compiler, "is_compiling", bool)())


def replace(owner: Any, name: str, hook: Hook, failed: Failed) -> None:
    """Wrap an attribute of a module, a class or an object, once.

    Raises
    ------
    AttributeError
        If there is none of that name.
    TypeError
        If it is nothing that does its work while it is called.
    """
    function, kind = getattr(owner, name), None
    if isinstance(owner, type):
        defined = inspect.getattr_static(owner, name)
        if isinstance(defined, (classmethod, staticmethod)):
            function, kind = defined.__func__, type(defined)
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} is no function that can be marked, but {function!r}")
    if getattr(function, "_wattstage", None) == hook:
        return
    call: Any = wrapped(function, hook, failed)
    call._wattstage = hook
    setattr(owner, name, call if kind is None else kind(call))


def replace_in(module: Any, path: str, hook: Hook, failed: Failed) -> None:
    """Wrap ``function`` or ``Class.method`` of a module, as ``replace`` does."""
    *parts, name = path.split(".")
    replace(functools.reduce(getattr, parts, module), name, hook, failed)


def _begun(hook: Hook, call: Call, failed: Failed) -> Generator[None, None, None] | None:
    try:
        run = hook(call)
        next(run)
    except StopIteration:
        return None
    except Exception as error:
        failed(error)
        return None
    return run


def _ended(run: Generator[None, None, None], error: BaseException | None, failed: Failed) -> None:
    try:
        if error is None:
            next(run)
        else:
            run.throw(error)
    except StopIteration:
        pass
    except BaseException as raised:
        # What the program raised is the program's to handle, and it does.
        if raised is not error:
            if not isinstance(raised, Exception):
                raise
            failed(raised)
