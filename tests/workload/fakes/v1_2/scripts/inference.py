import os

import torch
from opensora.datasets import save_sample
from opensora.registry import MODELS, SCHEDULERS, build_module
from opensora.utils.config_utils import parse_configs
from opensora.utils.inference_utils import (
    add_watermark,
    append_generated,
    collect_references_batch,
    prepare_multi_resolution_info,
    refine_prompts_by_openai,
)
from opensora.utils.misc import is_main_process


def main():
    cfg = parse_configs(training=False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    text_encoder = build_module(cfg["text_encoder"], MODELS, device=device)
    vae = build_module(cfg["vae"], MODELS).to(device, None)
    model = build_module(cfg["model"], MODELS).to(device, None)
    scheduler = build_module(cfg["scheduler"], SCHEDULERS)
    for k, prompt in enumerate(cfg["prompt"]):
        batch_prompts = [prompt]
        collect_references_batch(cfg["reference_path"][k : k + 1], vae, (240, 426))
        model_args = prepare_multi_resolution_info(
            cfg["multi_resolution"], 1, (240, 426), cfg["num_frames"], cfg["fps"], device, None
        )
        if cfg.get("llm_refine") and is_main_process():
            batch_prompts = refine_prompts_by_openai(batch_prompts)
        video_clips = []
        for loop_i in range(cfg["loop"]):
            if loop_i > 0:
                append_generated(vae, video_clips[-1])
            z = torch.tensor([1.0], device=device)
            samples = scheduler.sample(
                model,
                text_encoder,
                z=z,
                prompts=batch_prompts,
                device=device,
                additional_args=model_args,
                progress=False,
            )
            samples = vae.decode(samples, num_frames=cfg["num_frames"])
            video_clips.append(samples)
        if is_main_process():
            video = sum(video_clips[1:], video_clips[0])
            path = save_sample(video, fps=24, save_path=os.path.join(cfg["save_dir"], f"{k}.mp4"))
            if cfg.get("watermark"):
                add_watermark(path)
            print(k, path == os.path.join(cfg["save_dir"], f"{k}.mp4"))


if __name__ == "__main__":
    main()
