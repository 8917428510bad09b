import os

import torch
from opensora.datasets import save_sample
from opensora.registry import MODELS, SCHEDULERS, build_module
from opensora.utils.config_utils import parse_configs
from opensora.utils.inference_utils import (
    add_watermark,
    collect_references_batch,
    deflicker,
    prepare_multi_resolution_info,
    refine_prompts_by_openai,
    super_resolution,
)
from opensora.utils.misc import is_main_process


def main():
    cfg = parse_configs(training=False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    text_encoder = build_module(cfg["text_encoder"], MODELS, device=device)
    vae = build_module(cfg["vae"], MODELS).to(device, None)
    model = build_module(cfg["model"], MODELS).to(device, None)
    scheduler = build_module(cfg["scheduler"], SCHEDULERS)
    neg_prompts = cfg.get("neg_prompt")
    for k, prompt in enumerate(cfg["prompt"]):
        batch_prompts = [prompt]
        collect_references_batch(cfg["reference_path"][k : k + 1], vae, (720, 1280))
        model_args = prepare_multi_resolution_info(
            cfg["multi_resolution"], 1, (720, 1280), cfg["num_frames"], cfg["fps"], device, None
        )
        if cfg.get("llm_refine") and is_main_process():
            batch_prompts = refine_prompts_by_openai(batch_prompts)
        video_clips = []
        for _ in range(cfg["loop"]):
            z = torch.tensor([1.0], device=device)
            samples = scheduler.sample(
                model,
                text_encoder,
                z=z,
                prompts=batch_prompts,
                device=device,
                additional_args=model_args,
                progress=False,
                neg_prompts=neg_prompts,
            )
            video_clips.append(samples)
        if is_main_process():
            video = vae.decode(sum(video_clips[1:], video_clips[0]), num_frames=cfg["num_frames"])
            path = save_sample(video, fps=24, save_path=os.path.join(cfg["save_dir"], f"{k}.mp4"))
            if cfg.get("deflicker"):
                path = deflicker(path)
            if cfg.get("super_resolution"):
                path = super_resolution(path, cfg["super_resolution"])
            if cfg.get("watermark"):
                add_watermark(path)
            print(k, path == os.path.join(cfg["save_dir"], f"{k}.mp4"))


if __name__ == "__main__":
    main()
