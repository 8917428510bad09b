"""What the steps of a denoising are called, and how often the model is called in each.

The timesteps with which 1.2 and 1.3 call their model lie on the GPU, and to read them there is to
wait for it. They are made of plain numbers, though: from these, Open-Sora's own functions make them
once more on the host.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .calls import Call

    Sizes = Callable[[], dict[str, Any]]


def sizes_on_host(call: Call) -> Sizes:
    """Return what makes once more on the host what ``prepare_multi_resolution_info`` has made."""
    given = dict(call.arguments(), device="cpu", batch_size=1)
    return lambda: call.function(**given)


def timesteps(call: Call, sizes: Sizes | None) -> list[float]:
    """Return what each step is called, by a call of ``RFLOW.sample`` that is about to be made.

    Parameters
    ----------
    call
        Of ``RFLOW.sample``, or of what is like it.
    sizes
        What makes the size of the video on the host; None if there was none.

    Returns
    -------
    Empty if that is not to be known.
    """
    scheduler = call.args[0]
    n, whole = scheduler.num_sampling_steps, scheduler.num_timesteps
    names = [(1.0 - k / n) * whole for k in range(n)]
    if scheduler.use_discrete_timesteps:
        names = [round(name) for name in names]
    if not scheduler.use_timestep_transform:
        return names
    transform = call.function.__globals__["timestep_transform"]
    if sizes is None:
        return []
    more = {
        told_as: getattr(scheduler, name)
        for name, told_as in (("transform_scale", "scale"), ("scale_temporal", "scale_temporal"))
        if hasattr(scheduler, name)
    }
    on_host = sys.modules["torch"].tensor(names, device="cpu")
    made: list[float] = transform(on_host, sizes(), num_timesteps=whole, **more).tolist()
    return made


def calls_of_scaling(kwargs: dict[str, Any], n_timesteps: int) -> Callable[[int], int] | None:
    """Return how often inference scaling calls the model in a step."""
    if not kwargs.get("do_inference_scaling", True):
        return None
    scaled = frozenset(kwargs.get("scaling_steps", range(1, n_timesteps)) or ())
    many = 2 * int(kwargs.get("num_subtree", 3))
    return lambda index: many if index in scaled else 1
