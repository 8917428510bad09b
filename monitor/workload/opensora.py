"""What the functions of Open-Sora mean: a method per hook of the table.

Each is a generator that runs around one call. The stages have the same names in all versions.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

from .calls import replace, wrapped
from .clips import Clips
from .forward_hooks import hooked, silent
from .resolved import clip_attrs, header, part_of
from .schedule import calls_of_scaling, sizes_on_host, timesteps
from .spans import told
from .steps import Steps

if TYPE_CHECKING:
    from collections.abc import Generator

    from .calls import Call, Hook
    from .schedule import Sizes
    from .spans import Span
    from .tracker import Tracker

    Around = Generator[None, None, None]


class OpenSora:
    """The stages of one run of Open-Sora, in one process.

    Parameters
    ----------
    tracker
        Of the spans.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._clips = Clips(tracker)
        self._config: dict[str, Any] = {}
        self._loaded: dict[str, int] = {}
        self._encoders: weakref.WeakSet[Any] = weakref.WeakSet()
        self._sizes: Sizes | None = None
        self._steps: Steps | None = None
        self._n_denoised = 0

    def hook(self, name: str) -> Hook:
        """Return what the table names: a method, or after a colon a stage.

        What passes out of it into the program ends the clip.
        """

        def around(call: Call) -> Around:
            try:
                if name.startswith(":"):
                    with self._tracker.stage(name[1:]):
                        yield
                else:
                    yield from getattr(self, name)(call)
            except BaseException:
                self._clips.failed()
                raise

        return around

    def configure(self, call: Call) -> Around:
        """Tell the configuration once it is resolved."""
        yield
        self._config = header(call.result)
        self._tracker.point("config", **self._config)

    def load(self, call: Call) -> Around:
        """Mark the loading of all models."""
        self._loaded.clear()
        with self._tracker.stage("model_load"):
            yield

    def build(self, call: Call) -> Around:
        """Mark the loading of one model; what is built within it is part of it."""
        given = call.arguments()
        module, builder = given.get("module"), given.get("builder")
        inside = self._tracker.current
        is_part = inside is not None and inside.stage.startswith("model_load.")
        if is_part or getattr(builder, "name", "model") != "model" or not isinstance(module, dict):
            yield
            return
        part = part_of(module)
        self._loaded[part] = n_before = self._loaded.get(part, 0) + 1
        if n_before > 1:  # the image model of text to image to video
            part = {"dit": "flux", "vae": "flux_ae"}.get(part, part)
        with self._tracker.stage("model_load." + part, type=str(module.get("type", ""))):
            yield

    def refine(self, call: Call) -> Around:
        """Mark the refinement of a prompt by another service."""
        self._clips.begin(self._config)
        with self._tracker.stage("prompt_refine"):
            yield

    def encode_text(self, call: Call) -> Around:
        """Mark the encoding of the prompt where T5 is all there is."""
        with self._tracker.stage("text_encode", encoder="t5"):
            yield

    def encode_reference(self, call: Call) -> Around:
        """Mark the encoding of images or videos; of a clip that goes on, of its end so far."""
        if self._tracker.inside("ref_encode"):
            yield
            return
        self._clips.begin(self._config)
        with self._tracker.stage("ref_encode"):
            yield

    def decode(self, call: Call) -> Around:
        """Mark the way from latents to pixels, and its tiles where they can be seen."""
        if self._tracker.inside("vae_decode"):
            yield
            return
        module = getattr(call.function, "__self__", None) or call.args[0]
        inner = getattr(module, "module", None)  # 1.0 and 1.1: decodes some frames at a time
        if inner is not None and callable(getattr(inner, "decode", None)):
            self._replace(inner, "decode", self.tile)
        decoder = getattr(module, "decoder", None)
        with self._tracker.stage("vae_decode"), self._tiles_of(decoder):
            yield

    def decode_spatial(self, call: Call) -> Around:
        """Mark the part of the decoding that is frame by frame; all of it where it is alone."""
        if not self._tracker.inside("vae_decode"):
            yield from self.decode(call)
            return
        with self._tracker.stage("vae_decode.spatial"):
            yield

    def tile(self, call: Call) -> Around:
        """Mark what is decoded at a time."""
        with self._tracker.stage("vae_tile"):
            yield

    def save(self, call: Call) -> Around:
        """Mark the writing of a file."""
        given = call.arguments()
        if given.get("saving", True) is False:  # on the processes that only want its name
            yield
            return
        with self._tracker.stage("save"):
            yield
        if "generated_condition" not in str(given.get("sub_dir")):  # the image of a video
            self._clips.saved()

    def sample(self, call: Call) -> Around:
        """Mark what 1.0 and 1.1 do from prompt to latents; ``p_sample`` is called for each step."""
        scheduler = call.args[0]
        total = getattr(scheduler, "num_timesteps", None)
        names = getattr(scheduler, "timestep_map", ())
        self._clips.begin(self._config)
        self._steps = steps = self._denoising(total, timesteps=list(names)[::-1])
        with self._closing(steps):
            yield
        self._steps = None
        self._clips.segment(self._n_segments())

    def p_sample(self, call: Call) -> Around:
        """Mark one step of 1.0 and 1.1."""
        if self._steps is not None:
            self._steps.before_call()
        yield

    def sample_flow(self, call: Call) -> Around:
        """Mark what 1.2 and 1.3 do from prompt to latents; the model is called for each step."""
        scheduler, model = call.args[0], call.arguments()["model"]
        names: list[float] = []
        try:
            names = timesteps(call, self._sizes)
        except Exception as error:  # a step without its name is a step all the same
            self._tracker.failed(error)
        self._clips.begin(self._config)
        steps = self._denoising(getattr(scheduler, "num_sampling_steps", None), timesteps=names)
        with self._closing(steps), hooked(model, before=steps.before_call):
            yield
        self._clips.segment(self._n_segments())

    def size(self, call: Call) -> Around:
        """Notice for what size of video the steps of 1.2 and 1.3 are made."""
        self._sizes = sizes_on_host(call)
        yield

    def api(self, call: Call) -> Around:
        """Set hooks on the models of 2.0, and on what makes a clip of them."""
        yield
        given = call.arguments()
        model, model_ae = given["model"], given["model_ae"]
        optional = given.get("optional_models") or {}
        hook = self.hook("generate_image" if optional.get("img_flux") is model else "generate")
        call.result = wrapped(call.result, hook, self._tracker.failed)
        self._replace(model_ae, "decode", self.decode)
        for each in (model, model_ae):
            self._replace(each, "to", self.move)
        for name in ("t5", "clip"):
            self._mark_encoder(given["model_" + name], "text_encode." + name)

    def generate(self, call: Call) -> Around:
        """Mark the making of one video by 2.0."""
        self._clips.begin({**self._config, **clip_attrs(call.arguments())})
        yield
        self._clips.complete()

    def generate_image(self, call: Call) -> Around:
        """Mark the making of the image that a video begins with."""
        self._clips.begin(self._config)
        with self._tracker.stage("cond_image", **clip_attrs(call.arguments())):
            yield

    def move(self, call: Call) -> Around:
        """Mark the way of a model from GPU to host or back, to make room for another."""
        self._clips.begin(self._config)
        target = str(call.args[0]) if call.args else ""
        with self._tracker.stage("offload_swap", target=target):
            yield

    def denoise(self, call: Call) -> Around:
        """Mark the denoising of 2.0, in which the model is called once or more for each step."""
        model = call.arguments()["model"]
        names = list(call.kwargs["timesteps"])
        n_calls = None
        if "Scaling" in type(call.args[0]).__name__:
            n_calls = calls_of_scaling(call.kwargs, len(names))
        steps = self._denoising(len(names) - 1, timesteps=names, n_calls=n_calls)
        steps.open()
        with self._closing(steps), hooked(model, before=steps.before_call):
            yield

    def _denoising(self, total: int | None, **more: Any) -> Steps:
        self._n_denoised += 1
        return Steps(self._tracker, total, is_warmup=self._n_denoised == 1, **more)

    @contextlib.contextmanager
    def _closing(self, steps: Steps) -> Around:
        try:
            yield
        except BaseException as error:
            steps.close("error")
            self._tracker.error = told(error)
            raise
        steps.close()

    def finish(self, status: str = "ok") -> None:
        """End the clip with its last stage."""
        self._clips.finish(status)

    def _n_segments(self) -> int:
        """Return of how many calls of the scheduler 1.x makes a video."""
        n = self._config.get("loop")
        return n if isinstance(n, int) else 1

    @contextlib.contextmanager
    def _tiles_of(self, decoder: Any) -> Around:
        open_tiles: list[Span] = []

        def before(*_: Any) -> None:
            open_tiles.append(self._tracker.open("vae_tile", index=len(open_tiles)))

        def after(*_: Any) -> None:
            self._tracker.close(open_tiles[-1])

        with hooked(decoder, before=before, after=after):
            yield

    def _replace(self, model: Any, name: str, hook: Hook) -> None:
        """Wrap a method of a model; without it, the other stages are marked all the same."""
        try:
            replace(model, name, hook, self._tracker.failed)
        except (AttributeError, TypeError) as error:
            self._tracker.failed(error)

    def _mark_encoder(self, module: Any, stage: str) -> None:
        if module in self._encoders:  # which the image and the video have in common
            return
        self._encoders.add(module)
        spans: list[Span] = []
        module.register_forward_pre_hook(silent(lambda: spans.append(self._tracker.open(stage))))
        module.register_forward_hook(silent(lambda: self._tracker.close(spans.pop())))
