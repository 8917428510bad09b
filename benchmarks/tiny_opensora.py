"""Run the real inference script of an Open-Sora checkout on a CPU, with tiny random models.

    python benchmarks/tiny_opensora.py CHECKOUT OUTPUT_FOLDER [STEPS [DEPTH]]

Needs torch (a CPU build will do), einops, mmengine, numpy, pandas, tqdm, beautifulsoup4, ftfy,
requests and psutil. What else Open-Sora imports, and this run has no use for, is stood in for; its
own code from configuration to file is run as it is, of 1.2, 1.3 and 2.0. The models have random
weights of a fixed seed, so that two runs give the same files. DEPTH is how many layers the
diffusion model has, so that a run may take as long as one on a GPU does.

With the environment variable TOLD=FILE, what truly happened goes there as JSON: the timestep of
each call of the diffusion model, when the pixels were decoded, and under ``wattstage run`` what
each hook and each marker took in ns, and the whole script.
"""

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import runpy
import sys
import time
import types
import typing
from pathlib import Path

CONFIG_2_0 = """
save_dir = {output!r}
seed = 42
batch_size = 1
num_sample = 2
num_workers = 0
dtype = "fp32"
plugin = "none"
plugin_ae = "none"
cond_type = "t2v"
dataset = dict(type="text")
prompt = "raining, sea"
sampling_option = dict(
    resolution="256px", aspect_ratio="16:9", num_frames=17, num_steps={steps}, shift=True,
    temporal_reduction=4, is_causal_vae=True, guidance=7.5, guidance_img=3.0, text_osci=True,
    image_osci=True, scale_temporal_osci=True, method="i2v", seed=1,
)
fps_save = 24
model = dict(type="tiny_dit", in_channels=64)
ae = dict(type="tiny_vae")
t5 = dict(type="tiny_text", from_pretrained="t5")
clip = dict(type="tiny_text", from_pretrained="clip")
"""

CONFIG_1_2 = """
save_dir = {output!r}
resolution = "144p"
aspect_ratio = "9:16"
num_frames = 17
fps = 24
frame_interval = 1
save_fps = 24
seed = 42
batch_size = 1
num_sample = 1
loop = 2
condition_frame_length = 5
multi_resolution = "STDiT2"
dtype = "bf16"
prompt = ["raining, sea"]
model = dict(type="TinySTDiT")
vae = dict(type="TinyVAE")
text_encoder = dict(type="tiny_t5", model_max_length=8)
scheduler = dict(
    type="rflow", num_sampling_steps={steps}, cfg_scale=7.0, use_timestep_transform=True
)
"""


STOOD_IN = frozenset(
    [
        "PIL",
        "accelerate",
        "apex",
        "av",
        "beartype",
        "colossalai",
        "cv2",
        "decord",
        "diffusers",
        "dill",
        "flash_attn",
        "huggingface_hub",
        "imageio",
        "liger_kernel",
        "matplotlib",
        "omegaconf",
        "openai",
        "pandarallel",
        "peft",
        "rotary_embedding_torch",
        "safetensors",
        "tensorboard",
        "tensornvme",
        "timm",
        "torchvision",
        "transformers",
        "wandb",
        "xformers",
    ]
)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes modules of packages that are not installed; whatever is asked of them is a class."""

    def find_spec(self, fullname, path, target=None):
        """Find what nobody else has found."""
        if fullname.split(".")[0] not in STOOD_IN:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        """Return a module that has everything."""
        return _Anything(spec.name)

    def exec_module(self, module):
        """Leave it as it is."""


class _Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        import torch

        if name[:1].isupper() and name.isupper():
            return ()
        made = type(name, (torch.nn.Module,), {}) if name[:1].isupper() else _Nothing()
        setattr(self, name, made)
        return made


class _Nothing:
    """A function, decorator or namespace that does nothing."""

    def __call__(self, *args, **_):
        return args[0] if len(args) == 1 and callable(args[0]) else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


DEPTH = int(sys.argv[4]) if len(sys.argv) > 4 else 1
TRUTH = {"timesteps": [], "decoding": [], "hooks_ns": [], "markers_ns": []}
"""Of hooks and markers, each time twice: by the clock, and of the processor, which others share."""


def now_ns():
    """Return the time by the clock, and of the processor."""
    return time.perf_counter_ns(), time.thread_time_ns()


def since(begin_ns):
    """Return what has passed of both."""
    return [now - begin for now, begin in zip(now_ns(), begin_ns, strict=True)]


def noted_decoding(decode):
    """Return a decoding that notes when it worked."""

    @functools.wraps(decode)
    def run(*args, **kwargs):
        begin_ns = time.time_ns()
        done = decode(*args, **kwargs)
        TRUTH["decoding"].append((begin_ns, time.time_ns()))
        return done

    return run


def write_video(filename, video_array, fps, **_):
    """Write the pixels as they are."""
    Path(filename).write_bytes(video_array.numpy().tobytes())


def models_2_0():
    """Register a transformer, an autoencoder and text encoders of some thousand weights."""
    import torch
    from opensora.registry import MODELS
    from torch import nn

    class TinyDiT(nn.Module):
        def __init__(self, in_channels, **_):
            super().__init__()
            torch.manual_seed(1)
            self.inner = nn.Linear(in_channels, in_channels)

        def forward(self, img, timesteps, cond, txt, **_):
            TRUTH["timesteps"].append(float(timesteps[0]))
            for _ in range(DEPTH):
                img = torch.tanh(self.inner(img))
            return img * timesteps[:1, None, None] + 1e-3 * txt.mean()

    class TinyVAE(nn.Module):
        def __init__(self, **_):
            super().__init__()
            torch.manual_seed(2)
            self.decoder = nn.Conv3d(16, 3, 1)

        @noted_decoding
        def decode(self, z):
            z = z.float()
            parts = [self.decoder(z[..., k : k + 8]) for k in range(0, z.shape[-1], 8)]
            x = torch.cat(parts, -1)
            return torch.repeat_interleave(torch.tanh(x), 4, 2)

    class TinyText(nn.Module):
        def __init__(self, from_pretrained, **_):
            super().__init__()
            self.is_clip = from_pretrained == "clip"

        def forward(self, text, **_):
            sizes = torch.tensor([[float(len(one))] for one in text])
            return sizes.repeat(1, 8) if self.is_clip else sizes[:, :, None].repeat(1, 4, 8)

    for name, kind in (("tiny_dit", TinyDiT), ("tiny_vae", TinyVAE), ("tiny_text", TinyText)):
        MODELS.register_module(name, module=kind)


def text_and_flow_of_1_x():
    """Register what 1.2 and 1.3 have in common: a text encoder and a diffusion model."""
    import torch
    from opensora.models.text_encoder.t5 import T5Encoder
    from opensora.registry import MODELS
    from torch import nn

    class Inner(nn.Module):
        def tokenize_fn(self, texts):
            return {"input_ids": texts, "attention_mask": None}

        def get_text_embeddings(self, texts, _=None):
            sizes = torch.tensor([[float(len(one))] for one in texts])
            return sizes[:, None, :].repeat(1, 8, 4), torch.ones(len(texts), 8, dtype=torch.long)

    class TinyT5(T5Encoder):
        def __init__(self, model_max_length, **_):
            self.t5 = Inner()
            self.output_dim, self.model_max_length, self.dtype = 4, model_max_length, torch.float32

        def null(self, n):
            return torch.zeros(n, 1, 8, 4)

    class TinySTDiT(nn.Module):
        def __init__(self, in_channels, **_):
            super().__init__()
            torch.manual_seed(1)
            self.inner, self.y_embedder = nn.Conv3d(in_channels, 2 * in_channels, 1), None
            self.deeper = nn.Conv3d(in_channels, in_channels, 1)

        def forward(self, x, timestep, y, mask=None, **_):
            TRUTH["timesteps"].append(float(timestep[0]))
            x = x.to(self.inner.weight.dtype)
            for _ in range(DEPTH - 1):
                x = torch.tanh(self.deeper(x))
            return torch.tanh(self.inner(x)) * timestep[:, None, None, None, None] / 1000

    for name, kind in (("TinySTDiT", TinySTDiT), ("tiny_t5", TinyT5)):
        MODELS.register_module(name, module=kind)


def models_1_3():
    """Register models of 1.3."""
    import opensora.datasets.utils
    import torch
    from opensora.models.vae_v1_3.vae import OpenSoraVAE_V1_3_Pipline
    from opensora.registry import MODELS
    from torch import nn

    class Decoder(nn.Conv3d):
        @noted_decoding
        def forward(self, z):
            x = torch.tanh(super().forward(z)).repeat_interleave(8, 3).repeat_interleave(8, 4)
            return torch.cat([x[:, :, :1], x[:, :, 1:].repeat_interleave(4, 2)], 2)

    class TinyVAE(OpenSoraVAE_V1_3_Pipline):
        def __init__(self):
            nn.Module.__init__(self)
            torch.manual_seed(2)
            self.decoder, self.out_channels = Decoder(4, 3, 1), 4
            self.micro_batch_size, self.micro_frame_size = 1, 17
            self.temporal_overlap, self.normalization = True, None

        def un_normalize_z(self, z):
            return z[None]  # the script leaves the batch to what the real one broadcasts

    opensora.datasets.utils.write_video_cv2 = write_video
    text_and_flow_of_1_x()
    MODELS.register_module("TinyVAE", module=TinyVAE)


def models_1_2():
    """Register models of 1.2."""
    import torch
    from opensora.models.vae.vae import VideoAutoencoderKL, VideoAutoencoderPipeline
    from opensora.models.vae.vae_temporal import VAE_Temporal
    from opensora.registry import MODELS
    from torch import nn

    class Frames(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(2)
            self.inner = nn.Conv2d(4, 3, 1)

        @noted_decoding
        def decode(self, x):
            return types.SimpleNamespace(sample=torch.tanh(self.inner(x)))

        def encode(self, x):
            mean = x.mean(1, keepdim=True).repeat(1, 4, 1, 1)
            sample = types.SimpleNamespace(sample=lambda: mean)
            return types.SimpleNamespace(latent_dist=sample)

    class Spatial(VideoAutoencoderKL):
        def __init__(self):
            nn.Module.__init__(self)
            self.module, self.patch_size, self.micro_batch_size = Frames(), (1, 8, 8), 4

    class TinyVAE(VideoAutoencoderPipeline):
        def __init__(self):
            nn.Module.__init__(self)
            torch.manual_seed(3)
            self.spatial_vae = Spatial()
            self.temporal_vae = VAE_Temporal(
                in_out_channels=4,
                latent_embed_dim=4,
                embed_dim=4,
                filters=8,
                num_res_blocks=1,
                channel_multipliers=(1, 2, 2, 4),
                temporal_downsample=(False, True, True),
                num_groups=4,
            )
            self.cal_loss, self.micro_frame_size, self.micro_z_frame_size = False, 17, 5
            self.out_channels = 4
            self.scale, self.shift = torch.ones(()), torch.zeros(())

    text_and_flow_of_1_x()
    MODELS.register_module("TinyVAE", module=TinyVAE)


class Timed:
    """A function of the program that adds what its calls take to a list; else it is as it was."""

    def __init__(self, function, took_ns):
        self.__wrapped__, self._took_ns = function, took_ns

    def __call__(self, *args, **kwargs):
        """Call it."""
        begin_ns = now_ns()
        try:
            return self.__wrapped__(*args, **kwargs)
        finally:
            self._took_ns.append(since(begin_ns))

    def __getattr__(self, name):
        """Return what the function has."""
        return getattr(self.__wrapped__, name)


def timed_method(method):
    """Return a method of ours that notes what it takes."""

    def run(*args, **kwargs):
        begin_ns = now_ns()
        done = method(*args, **kwargs)
        TRUTH["markers_ns"].append(since(begin_ns))
        return done

    return run


def time_the_hooks():
    """Note from now on what each hook takes, all of it, and each marker within.

    Of a wrapped function, that is the time of a call less that of the function itself; of a forward
    hook, its own time, without torch's way to it (see bench_hooks.py).
    """
    begin_ns = now_ns()
    for name in ("hooks", "calls", "forward_hooks", "opensora", "tracker"):
        importlib.import_module("_wattstage.workload." + name)
    TRUTH["load_ns"] = since(begin_ns)
    ours = {name: sys.modules["_wattstage.workload." + name] for name in ("calls", "opensora")}
    hooks = sys.modules["_wattstage.workload.forward_hooks"]
    wrap, silence = ours["calls"].wrapped, hooks.silent

    def wrapped(function, hook, failed):
        inner_ns = []
        call = wrap(Timed(function, inner_ns), hook, failed)

        @functools.wraps(function)
        def run(*args, **kwargs):
            n = len(inner_ns)
            begin_ns = now_ns()
            try:
                return call(*args, **kwargs)
            finally:
                outer, inner = since(begin_ns), inner_ns[n:]
                TRUTH["hooks_ns"].append([outer[k] - sum(i[k] for i in inner) for k in (0, 1)])
                del inner_ns[n:]

        return run

    for module in ours.values():
        module.wrapped = wrapped
    for module in (hooks, ours["opensora"]):
        module.silent = lambda function: Timed(silence(function), TRUTH["hooks_ns"])
    tracker = sys.modules["_wattstage.workload.tracker"].Tracker
    for name in ("open", "close", "follow", "point"):
        setattr(tracker, name, timed_method(getattr(tracker, name)))


def main():
    """Run the script of the checkout."""
    checkout, output = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    output.mkdir(parents=True, exist_ok=True)
    os.chdir(checkout)
    sys.path.insert(0, str(checkout))
    sys.meta_path.append(StandIns())
    import torch

    torch.use_deterministic_algorithms(mode=True)
    if "_wattstage" in sys.modules and "TOLD" in os.environ:
        time_the_hooks()
    is_2_0 = (checkout / "scripts" / "diffusion").is_dir()
    is_1_3 = (checkout / "opensora" / "models" / "vae_v1_3").is_dir()
    import torchvision.io

    sys.modules["torch.utils.tensorboard"] = _Anything("torch.utils.tensorboard")
    sys.modules["beartype.typing"] = typing
    torchvision.io.write_video = write_video
    for name in ("synchronize", "reset_peak_memory_stats"):
        setattr(torch.cuda, name, lambda *_: None)
    for name in ("max_memory_allocated", "max_memory_reserved"):
        setattr(torch.cuda, name, lambda *_: 0)
    config = output / "config.py"
    text = CONFIG_2_0 if is_2_0 else CONFIG_1_2
    config.write_text(text.format(output=str(output / "videos"), steps=steps))
    (models_2_0 if is_2_0 else models_1_3 if is_1_3 else models_1_2)()
    if is_2_0:
        torch.distributed.init_process_group(
            "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
        )
    script = "scripts/diffusion/inference.py" if is_2_0 else "scripts/inference.py"
    sys.argv = [script, str(config)]
    begin_ns = time.perf_counter_ns()
    runpy.run_path(script, run_name="__main__")
    if "TOLD" in os.environ:
        TRUTH["script_ns"] = time.perf_counter_ns() - begin_ns
        Path(os.environ["TOLD"]).write_text(json.dumps(TRUTH), "ascii")


if __name__ == "__main__":
    main()
