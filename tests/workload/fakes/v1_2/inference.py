import os

from opensora.datasets import save_sample
from opensora.registry import MODELS, SCHEDULERS, build_module
from opensora.utils.config_utils import parse_configs
from opensora.utils.inference_utils import add_watermark, append_generated

cfg = parse_configs(training=False)
text_encoder = build_module({"type": "t5"}, MODELS)
vae = build_module({"type": "OpenSoraVAE_V1_2"}, MODELS)
model = build_module({"type": "STDiT3-XL/2"}, MODELS)
scheduler = build_module(cfg["scheduler"], SCHEDULERS)
for k, prompt in enumerate(cfg["prompt"]):
    clips = []
    for loop_i in range(cfg["loop"]):
        if loop_i > 0:
            append_generated(vae, clips[-1])
        samples = scheduler.sample(
            model, text_encoder, z=1.0, prompts=[prompt], device="cpu", progress=False
        )
        clips.append(vae.decode(samples, num_frames=16))
    path = save_sample(clips, fps=24, save_path=os.path.join(cfg["save_dir"], f"{k}.txt"))
    add_watermark(path)
    print(clips)
