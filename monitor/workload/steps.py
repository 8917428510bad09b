"""The steps of a denoising loop, which lie side by side: one ends where the next begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .spans import Span
    from .tracker import Tracker


class Steps:
    """Marks the stage ``denoise`` from its first step on, and its steps.

    Parameters
    ----------
    tracker
        Of the spans.
    total
        How many steps there will be; None if that is not known.
    timesteps
        What the scheduler calls each step; may be shorter.
    n_calls
        How often the model is called in step k; None is once each.
    is_warmup
        Whether the first step does once what later steps do not, such as to compile.
    attrs
        Of the stage ``denoise``.
    """

    def __init__(
        self,
        tracker: Tracker,
        total: int | None,
        *,
        timesteps: Sequence[Any] = (),
        n_calls: Callable[[int], int] | None = None,
        is_warmup: bool = False,
        attrs: dict[str, Any] | None = None,
    ) -> None:
        self._tracker = tracker
        self._total = total
        self._timesteps = timesteps
        self._n_calls = n_calls
        self._is_warmup = is_warmup
        self._attrs = attrs or {}
        self._left = 0  # calls of the model in this step
        self._step: Span | None = None
        self.span: Span | None = None
        """Of ``denoise``; None until the first step."""
        self.n_begun = 0
        """Steps that have begun."""

    def before_call(self, *_: Any) -> None:
        """Notice that the model is about to be called."""
        if self._left > 0:
            self._left -= 1
            return
        index = self.n_begun
        self._left = (self._n_calls(index) if self._n_calls is not None else 1) - 1
        self.open()
        attrs: dict[str, Any] = {}
        if index < len(self._timesteps):
            attrs["timestep"] = self._timesteps[index]
        if index == 0 and self._is_warmup:
            attrs["warmup"] = True
        if self._step is None:
            self._step = self._tracker.open("denoise_step", index=index, total=self._total, **attrs)
        else:
            self._step = self._tracker.follow(
                self._step, "denoise_step", index=index, total=self._total, **attrs
            )
        self.n_begun += 1

    def open(self) -> None:
        """Begin ``denoise``, if it has not begun."""
        if self.span is None:
            self.span = self._tracker.open("denoise", **self._attrs)

    def close(self, status: str = "ok") -> None:
        """End the last step, and ``denoise``."""
        if self.span is not None:
            self._tracker.close(self.span, status)
