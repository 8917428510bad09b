import inspect

from tiny import Module

from ..schedulers.scheduling_tiny import TinyScheduler
from .pipeline_utils import DiffusionPipeline


class TinyTransformer(Module):
    def forward(self, x, t):
        return x * t


class TinyVae(Module):
    def decode(self, z):
        return 2 * z


class TinyVideoPipeline(DiffusionPipeline):
    def __init__(self):
        self.transformer, self.vae, self.scheduler = TinyTransformer(), TinyVae(), TinyScheduler()

    def encode_prompt(self, prompt):
        return len(prompt)

    def prepare_latents(self, batch, height, width, num_frames):
        return 1.0

    def __call__(
        self, prompt, height=None, width=None, num_frames=17, num_inference_steps=3, fails_at=None
    ):
        assert "num_inference_steps" in inspect.signature(self.__call__).parameters
        y = self.encode_prompt(prompt)
        self.scheduler.set_timesteps(num_inference_steps)
        z = self.prepare_latents(1, height or 64, width or 96, num_frames)
        self.progress_bar(total=num_inference_steps)
        for k, t in enumerate(self.scheduler.timesteps):
            if k == fails_at:
                raise MemoryError("no more of it")
            noise = self.transformer(z, t) + self.transformer(z, -t)
            z = self.scheduler.step(noise, t, z)
        return self.vae.decode(z) + y
