"""A model of an Open-Sora 2.0 run: what its stages are, how long they take, what they draw.

Stage order and tile geometry follow Open-Sora's ``scripts/diffusion/inference.py``; the duration
of a denoising step follows its number of floating-point operations, at the rate that the published
times imply (445 TFLOP/s on one H100; 256px on one card: 57 s for 50 steps, published 60 s in all).
What is not published (loading, text encoding, saving) is a setting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.bench.load.timeline import Event, Timeline
from monitor.errors import ConfigError
from monitor.model import Edge, Scalar

SIZES = {"256px": (192, 336), "768px": (576, 1024)}
"""Height and width in pixels at 16:9, per resolution."""

EFFICIENCY = {
    "256px": {1: 1.0, 2: 0.75, 4: 0.44},
    "768px": {1: 1.0, 2: 0.96, 4: 0.89, 8: 0.75},
}
"""Parallel efficiency by number of cards, from the published times."""

_FLOPS = 445e12  # sustained on one H100
_LAYERS, _WIDTH, _TEXT_TOKENS, _GUIDANCE_PASSES = 57, 3072, 512, 3
_TILE, _STRIDE = 32, 24  # of the VAE, in latent pixels of 8 x 8
_FULL_FRAMES = 129
_TEXTURE_HZ, _TEXTURE_POINTS = 1000, 65_537
_LOADING = (("dit", 0.55), ("vae", 0.08), ("t5", 0.30), ("clip", 0.07))  # share of the time
_INTEGRATION_S = 5e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSettings:
    """What is run, on what; durations in seconds at speed 1."""

    resolution: str = "256px"
    n_gpus: int = 1
    frames: int = 129
    steps: int = 50
    n_clips: int | None = None
    """None repeats clips for ever."""
    speed: float = 6.0
    """Everything takes a ``speed``-th of its time."""
    idle_s: float = 6.0
    """Before the run, and between clips a quarter of it."""
    load_s: float = 24.0
    """Real runs load for 30 to 120 s."""
    warmup_s: float = 10.0
    """Compilation in the first denoising step of a process."""
    t5_s: float = 0.7
    clip_s: float = 0.25
    latent_s: float = 0.15
    tile_s: float = 1.2
    """One full tile of 129 frames; narrower ones take their share."""
    save_s: float = 2.0
    tdp_w: float = 700.0
    """Of one card; an H100 SXM."""
    gpu_idle_w: float = 70.0
    host_w: float = 150.0
    """The idle machine without its cards."""
    psu_efficiency: float = 0.92
    """1.0 where the supply itself is not in the measured path."""
    texture: float = 0.005
    """Standard deviation of the cards' power within a stage, relative, in steps of 1 ms."""
    seed: int = 1

    def __post_init__(self) -> None:
        cards = EFFICIENCY.get(self.resolution)
        if cards is None:
            raise ConfigError(f"resolution must be {_either(SIZES)}, got {self.resolution!r}")
        if self.n_gpus not in cards:
            raise ConfigError(f"{self.resolution} runs on {_either(cards)} GPUs, got {self.n_gpus}")
        if not 1 <= self.frames <= _FULL_FRAMES or self.frames % 4 != 1:
            raise ConfigError(f"frames must be 1, 5, 9 ... 129, got {self.frames}")
        if not 1 <= self.steps <= 1000:
            raise ConfigError(f"steps must be 1 to 1000, got {self.steps}")
        if self.n_clips is not None and self.n_clips < 1:
            raise ConfigError(f"clips must be at least 1, got {self.n_clips}")
        if not 0.01 <= self.speed <= 1000:
            raise ConfigError(f"speed must be 0.01 to 1000, got {self.speed}")

    @property
    def step_s(self) -> float:
        """Return the duration of one denoising step at speed 1."""
        height, width = SIZES[self.resolution]
        latent_frames = (self.frames - 1) // 4 + 1
        tokens = latent_frames * math.ceil(height / 16) * math.ceil(width / 16) + _TEXT_TOKENS
        flop = 24 * _WIDTH**2 * tokens + 4 * _WIDTH * tokens**2
        efficiency = EFFICIENCY[self.resolution][self.n_gpus]
        return _GUIDANCE_PASSES * _LAYERS * flop / (_FLOPS * self.n_gpus * efficiency)

    @property
    def tiles(self) -> list[float]:
        """Return the area of each VAE tile, as a share of a full one, in decoding order."""
        height, width = (pixels // 8 for pixels in SIZES[self.resolution])
        return [
            min(_TILE, height - y) * min(_TILE, width - x) / _TILE**2
            for y in range(0, height, _STRIDE)
            for x in range(0, width, _STRIDE)
        ]


class Workload:
    """The power of the whole run as a function of time, and the edges of its stages.

    It begins idle at 0, loads the models, makes clips one after the other and is idle again.
    """

    def __init__(self, settings: WorkloadSettings = WorkloadSettings()) -> None:
        self.settings = settings
        rng = np.random.default_rng(settings.seed)
        texture = rng.standard_normal(_TEXTURE_POINTS)
        texture *= settings.texture
        self._texture = texture - texture.mean()
        self._idle_w = self._watts(0.0)
        self._head = self._first()
        self._body = self._repeat()
        more = None if settings.n_clips is None else settings.n_clips - 1
        self.end_s = math.inf if more is None else self._clip_start_s(more + 1)
        """When the last clip is saved; infinite if clips repeat for ever."""

    @property
    def peak_w(self) -> float:
        """Return the highest power that can occur, but for the texture."""
        return max(self._head.peak_w, self._body.peak_w)

    def power(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power in W at times in seconds after the start; same shape."""
        head = self._head.duration_s
        body = self._body.duration_s
        again = np.mod(t_s - head, body)
        watts = np.where(t_s < head, self._head.power(t_s), self._body.power(again))
        watts = np.where((t_s < 0.0) | (t_s >= self.end_s), self._idle_w, watts)
        at = np.floor(t_s * _TEXTURE_HZ).astype(np.int64) % _TEXTURE_POINTS
        result: NDArray[np.float64] = watts + (watts - self._floor_w) * self._texture.take(at)
        return result

    def energy_j(self, start_s: float, stop_s: float) -> float:
        """Return the true energy of an interval, by the midpoint rule in steps of 50 µs."""
        n = max(1, math.ceil((stop_s - start_s) / _INTEGRATION_S))
        step = (stop_s - start_s) / n
        total = 0.0
        for first in range(0, n, 1 << 20):
            middle = np.arange(first, min(n, first + (1 << 20)), dtype=np.float64) + 0.5
            total += float(self.power(start_s + middle * step).sum())
        return total * step

    def events(self) -> Iterator[Event]:
        """Yield the edges of all stages in order of time; endlessly if clips repeat for ever."""
        yield from self._head.events
        clip = 1
        while self._clip_start_s(clip) < self.end_s:
            start_s, stop_s = self._clip_start_s(clip), self._clip_start_s(clip + 1)
            for event in self._body.events:
                # Rounding must not put the last edge after what follows it.
                at_s = min(start_s + event.t_s, stop_s)
                yield _moved(event, at_s, clip, self.settings.n_clips)
            clip += 1
        yield Event(self.end_s, Edge.END, "run", "run", "")

    def _clip_start_s(self, clip: int) -> float:
        return self._head.duration_s + (clip - 1) * self._body.duration_s

    @property
    def _floor_w(self) -> float:
        return self.settings.host_w / self.settings.psu_efficiency

    def _watts(self, load: float, host_w: float = 0.0) -> float:
        """Return the measured power with the cards at a share of their limit; 0 is idle."""
        s = self.settings
        card = max(s.gpu_idle_w, load * s.tdp_w)
        return (s.host_w + host_w + s.n_gpus * card) / s.psu_efficiency

    def _first(self) -> Timeline:
        """Return what happens once: idle, loading and the first clip with its warm-up."""
        s = self.settings
        line = Timeline(1 / s.speed, self._idle_w)
        line.hold(s.idle_s, self._idle_w)
        line.begin("run", self._header())
        with line.span("model_load"):
            for name, share in _LOADING:
                with line.span(f"model_load.{name}"):
                    self._load(line, share * s.load_s)
        self._clip(line, 0, warm=False)
        return line

    def _repeat(self) -> Timeline:
        s = self.settings
        line = Timeline(1 / s.speed, self._idle_w, inside="run")
        line.hold(0.25 * s.idle_s, self._idle_w)
        self._clip(line, 1, warm=True)
        return line

    def _load(self, line: Timeline, duration_s: float) -> None:
        # Read from disk, then copy to the card, again and again.
        n = max(1, round(duration_s / 1.5))
        for _ in range(n):
            line.hold(0.7 * duration_s / n, self._watts(0.0, 35.0))
            line.hold(0.3 * duration_s / n, self._watts(0.17, 55.0))

    def _clip(self, line: Timeline, number: int, *, warm: bool) -> None:
        s = self.settings
        attrs: dict[str, Scalar] = {"frames": s.frames, "seed": 42 + number}
        with line.span("clip", attrs, index=number, total=s.n_clips):
            with line.span("text_encode"):
                with line.span("text_encode.t5"):
                    line.hold(s.t5_s, self._watts(0.76, 20.0), overshoot_w=self._swing(0.03))
                with line.span("text_encode.clip"):
                    line.hold(s.clip_s, self._watts(0.62, 20.0))
            with line.span("latent_prep"):
                line.hold(s.latent_s, self._watts(0.2, 25.0))
            with line.span("denoise"):
                self._denoise(line, warm=warm)
            with line.span("vae_decode"):
                self._decode(line)
            with line.span("save"):
                line.hold(s.save_s, self._watts(0.0, 80.0))

    def _denoise(self, line: Timeline, *, warm: bool) -> None:
        s = self.settings
        full, notch = self._watts(0.98, 20.0), self._watts(0.80, 25.0)
        notch_s = min(0.03, 0.1 * s.step_s)  # the card waits while the host prepares the next step
        for step in range(s.steps):
            cold = step == 0 and not warm
            attrs: dict[str, Scalar] = {"warmup": True} if cold else {}
            with line.span("denoise_step", attrs, index=step, total=s.steps):
                if cold:
                    line.hold(0.6 * s.warmup_s, self._watts(0.25, 70.0))
                    line.hold(0.4 * s.warmup_s, self._watts(0.38, 60.0))
                rest = self._swing(0.05 if step == 0 else 0.015)
                line.hold(s.step_s - notch_s, full, overshoot_w=rest)
                line.hold(notch_s, notch)

    def _decode(self, line: Timeline) -> None:
        s = self.settings
        tiles = s.tiles
        share = ((s.frames - 1) // 4 + 1) / ((_FULL_FRAMES - 1) // 4 + 1) / s.n_gpus
        for number, area in enumerate(tiles):
            with line.span("vae_tile", index=number, total=len(tiles)):
                duration_s = s.tile_s * share * area
                line.hold(0.96 * duration_s, self._watts(0.70 + 0.26 * area, 20.0))
                line.hold(0.04 * duration_s, self._watts(0.45, 25.0))

    def _swing(self, share: float) -> float:
        s = self.settings
        return share * s.n_gpus * (s.tdp_w - s.gpu_idle_w) / s.psu_efficiency

    def _header(self) -> dict[str, Scalar]:
        s = self.settings
        height, width = SIZES[s.resolution]
        return {
            "opensora_version": "2.0",
            "resolution": s.resolution,
            "height": height,
            "width": width,
            "num_frames": s.frames,
            "fps": 24,
            "steps": s.steps,
            "gpu_model": "H100 SXM",
            "gpu_count": s.n_gpus,
            "power_limit_w": s.tdp_w,
            "simulated": True,
            "speed": s.speed,
        }


def _moved(event: Event, at_s: float, clip: int, n_clips: int | None) -> Event:
    """Return an event of the clip that was modelled as number 1, as that of another clip."""
    names = (event.key, event.parent)
    key, parent = (name.replace("run/clip1", f"run/clip{clip}", 1) for name in names)
    moved = replace(event, t_s=at_s, key=key, parent=parent)
    if event.stage != "clip":
        return moved
    attrs = {**event.attrs, "seed": 42 + clip} if event.edge is Edge.BEGIN else {}
    return replace(moved, index=clip, total=n_clips, attrs=attrs)


def _either(choices: Iterable[object]) -> str:
    *some, last = (str(choice) for choice in choices)
    return f"{', '.join(some)} or {last}" if some else last
