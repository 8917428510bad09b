"""The stages of pipelines of diffusers, whichever they are."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from .calls import replace
from .forward_hooks import hooked
from .resolved import prompt_attrs
from .shim import DIFFUSERS
from .spans import told
from .steps import Steps

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

    from .calls import Call
    from .imports import ImportWatch
    from .tracker import Tracker

    Around = Generator[None, None, None]

_MODELS = ("transformer", "transformer_2", "unet", "controlnet", "prior", "decoder")
_CODERS = ("vae", "vqvae", "movq")
_SIZES = ("height", "width", "num_frames")
_NAMES = {
    "height": "height",
    "width": "width",
    "num_frames": "num_frames",
    "video_length": "num_frames",
    "num_inference_steps": "num_steps",
    "guidance_scale": "guidance",
    "num_images_per_prompt": "num_sample",
    "num_videos_per_prompt": "num_sample",
}


class Diffusers:
    """The stages of pipelines in one process.

    A step begins with the first call of a model after the scheduler's last, since some call their
    models more than once in a step.

    Parameters
    ----------
    tracker
        Of the spans.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._loops: list[_Loop] = []  # of pipelines that run, one in the other
        self._n_clips = 0

    def watch(self, watch: ImportWatch) -> None:
        """Set the hooks when diffusers is imported."""
        pipelines, exports = DIFFUSERS
        watch.when(pipelines, self._on_pipelines)
        watch.when(exports, self._on_exports)

    def _on_pipelines(self, module: ModuleType) -> None:
        base: Any = module.DiffusionPipeline
        replace(base, "from_pretrained", self.load, self._tracker.failed)
        replace(base, "progress_bar", self.begin_loop, self._tracker.failed)

        def subclassed(cls: type[Any], /, **more: Any) -> None:
            super(base, cls).__init_subclass__(**more)
            try:
                self._on_pipeline(cls)
            except Exception as error:  # the pipeline matters more than its stages
                self._tracker.failed(error)

        # Each pipeline has its own __call__, and they are imported one by one, when they are used.
        base.__init_subclass__ = classmethod(subclassed)

    def _on_pipeline(self, cls: Any) -> None:
        for name, hook in (
            ("__call__", self.generate),
            ("encode_prompt", self.encode_text),
            ("prepare_latents", self.prepare),
        ):
            if name in vars(cls):
                replace(cls, name, hook, self._tracker.failed)

    def _on_exports(self, module: ModuleType) -> None:
        for name in ("export_to_video", "export_to_gif"):
            replace(module, name, self.save, self._tracker.failed)

    def load(self, call: Call) -> Around:
        """Mark the loading of a pipeline and its models."""
        yield from self._stage("model_load", type=call.args[0].__name__)

    def encode_text(self, _: Call) -> Around:
        """Mark the encoding of the prompt."""
        yield from self._stage("text_encode")

    def prepare(self, call: Call) -> Around:
        """Mark the first noise; what it is made for is the size of the clip."""
        if self._loops and self._tracker.is_mine():
            self._loops[-1].sizes.update(_sizes(call))
        yield from self._stage("latent_prep")

    def encode_reference(self, _: Call) -> Around:
        """Mark the way from pixels to latents."""
        yield from self._stage("ref_encode")

    def decode(self, _: Call) -> Around:
        """Mark the way from latents to pixels."""
        if self._loops and self._tracker.is_mine():
            self._loops[-1].end_if_complete()
        yield from self._stage("vae_decode")

    def save(self, _: Call) -> Around:
        """Mark the writing of a file."""
        yield from self._stage("save")

    def generate(self, call: Call) -> Around:
        """Mark one call of a pipeline; of one that is called by another, only what it does."""
        if not self._tracker.is_mine():
            yield
            return
        pipe = call.args[0]
        self._hook_parts(pipe)
        loop = _Loop(self._tracker, pipe, is_warmup=self._n_clips == 0)
        with contextlib.ExitStack() as stack:
            clip = None
            if not self._tracker.inside("clip"):
                clip = self._tracker.open("clip", index=self._n_clips, **_clip_attrs(call))
                self._n_clips += 1
            self._loops.append(loop)
            stack.callback(self._loops.remove, loop)
            for model in loop.models:
                stack.enter_context(hooked(model, before=loop.before_call))
            status = "error"
            try:
                yield
                status = "ok"
            except BaseException as error:
                self._tracker.error = told(error)
                raise
            finally:
                loop.end(status)
                if clip is not None:
                    self._tracker.close(clip, status, **loop.sizes)

    def begin_loop(self, _: Call) -> Around:
        """Notice that the steps are about to begin."""
        if self._loops and self._tracker.is_mine():
            self._loops[-1].before_all()
        yield

    def step(self, _: Call) -> Around:
        """Notice that the scheduler has ended a step."""
        yield
        if self._loops and self._tracker.is_mine():
            self._loops[-1].after_step()

    def _hook_parts(self, pipe: Any) -> None:
        failed = self._tracker.failed
        scheduler = getattr(pipe, "scheduler", None)
        if hasattr(scheduler, "step"):
            replace(type(scheduler), "step", self.step, failed)
        for coder in filter(None, (getattr(pipe, name, None) for name in _CODERS)):
            for name, hook in (("decode", self.decode), ("encode", self.encode_reference)):
                if hasattr(type(coder), name):
                    replace(type(coder), name, hook, failed)

    def _stage(self, stage: str, **attrs: Any) -> Around:
        """Mark a stage, unless it is part of one of its kind."""
        if not self._tracker.is_mine() or self._tracker.inside(stage):
            yield
            return
        with self._tracker.stage(stage, **attrs):
            yield


class _Loop:
    """The steps of one call of a pipeline.

    Parameters
    ----------
    tracker, pipe
        Of the spans; whose steps these are.
    is_warmup
        Whether the first step does once what later ones do not.
    """

    def __init__(self, tracker: Tracker, pipe: Any, *, is_warmup: bool) -> None:
        self._tracker = tracker
        self._pipe = pipe
        self._is_warmup = is_warmup
        self._steps: Steps | None = None
        self._total: int | None = None
        self._is_between = True
        models = [getattr(pipe, name, None) for name in _MODELS]
        # A hook on one that is compiled in place would have it compiled anew.
        self._is_hidden = any(getattr(one, "_compiled_call_impl", None) for one in models)
        self.models = [] if self._is_hidden else [one for one in models if one is not None]
        self.sizes: dict[str, int] = {}
        """Height, width and number of frames, in pixels, as far as they are known."""

    def before_all(self) -> None:
        """Begin the first step where the models cannot be hooked."""
        if self._is_hidden and self._is_between:
            self._begin()

    def before_call(self) -> None:
        """Begin a step with its first call of a model."""
        if self._is_between:
            self._begin()

    def after_step(self) -> None:
        """Notice that what the models have found is worked in."""
        self._is_between = True
        self.end_if_complete()
        if self._is_hidden and self._steps is not None:
            self._begin()

    def end_if_complete(self) -> None:
        """End the denoising if there are no more steps, or it is not known how many there are."""
        steps = self._steps
        if steps is not None and self._is_between and steps.n_begun >= (self._total or 0):
            self.end()

    def end(self, status: str = "ok") -> None:
        """End the denoising."""
        if self._steps is not None:
            self._steps.close(status)
        self._steps = None

    def _begin(self) -> None:
        self._is_between = False
        if self._steps is None:
            self._total = _n_steps(self._pipe)
            self._steps = Steps(self._tracker, self._total, is_warmup=self._is_warmup)
            self._is_warmup = False
        self._steps.before_call()


def _n_steps(pipe: Any) -> int | None:
    """Return how many steps there will be; None if that is not to be seen."""
    n = getattr(pipe, "_num_timesteps", None)
    if isinstance(n, int) and n > 0:
        return n
    timesteps = getattr(getattr(pipe, "scheduler", None), "timesteps", None)
    return len(timesteps) if timesteps is not None else None


def _clip_attrs(call: Call) -> dict[str, Any]:
    given = call.arguments(with_defaults=True)
    attrs: dict[str, Any] = {"pipeline": type(call.args[0]).__name__}
    for name, told_as in _NAMES.items():
        value = given.get(name)
        if isinstance(value, (int, float)):
            attrs[told_as] = value
    attrs.update(prompt_attrs(given.get("prompt")))
    return attrs


def _sizes(call: Call) -> dict[str, int]:
    given = call.arguments(with_defaults=True)
    return {name: given[name] for name in _SIZES if isinstance(given.get(name), int)}
