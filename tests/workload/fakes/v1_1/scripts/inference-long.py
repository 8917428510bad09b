import os

from opensora.datasets import save_sample
from opensora.registry import MODELS, SCHEDULERS, build_module
from opensora.utils.config_utils import parse_configs


def collect_references_batch(reference_paths, vae):
    return [vae.encode(float(len(path))) if path else None for path in reference_paths]


def is_master():
    return os.environ.get("RANK", "0") == "0"


def main():
    cfg = parse_configs(training=False)
    vae = build_module(cfg["vae"], MODELS)
    text_encoder = build_module(cfg["text_encoder"], MODELS)
    model = build_module(cfg["model"], MODELS)
    scheduler = build_module(cfg["scheduler"], SCHEDULERS)
    for k, prompt in enumerate(cfg["prompt"]):
        collect_references_batch(cfg["reference_path"][k : k + 1], vae)
        video_clips = []
        for loop_i in range(cfg["loop"]):
            if loop_i > 0:
                vae.encode(video_clips[-1])
            samples = scheduler.sample(
                model, text_encoder, z=1.0, prompts=[prompt], device="cpu", additional_args={}
            )
            samples = vae.decode(samples)
            video_clips.append(samples)
            if loop_i == cfg["loop"] - 1 and is_master():
                video = sum(video_clips)
                save_sample(video, fps=8, save_path=os.path.join(cfg["save_dir"], f"{k}.txt"))
                print(video)


if __name__ == "__main__":
    main()
