import os

from opensora.datasets import save_sample
from opensora.registry import MODELS, SCHEDULERS, build_module
from opensora.utils.config_utils import parse_configs

cfg = parse_configs(training=False)
vae = build_module({"type": "VideoAutoencoderKL"}, MODELS)
text_encoder = build_module({"type": "t5"}, MODELS)
model = build_module({"type": "STDiT2-XL/2"}, MODELS)
scheduler = build_module(cfg["scheduler"], SCHEDULERS)
for k, prompt in enumerate(cfg["prompt"]):
    samples = scheduler.sample(
        model, text_encoder, z=1.0, prompts=[prompt], device="cpu", additional_args=None
    )
    samples = vae.decode(samples)
    save_sample(samples, fps=8, save_path=os.path.join(cfg["save_dir"], f"{k}.txt"))
    print(samples)
