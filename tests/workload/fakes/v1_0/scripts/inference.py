import os

from opensora.datasets import save_sample
from opensora.registry import MODELS, SCHEDULERS, build_module
from opensora.utils.config_utils import parse_configs


def is_master():
    return os.environ.get("RANK", "0") == "0"


def main():
    cfg = parse_configs(training=False)
    vae = build_module(cfg["vae"], MODELS)
    text_encoder = build_module(cfg["text_encoder"], MODELS)
    model = build_module(cfg["model"], MODELS)
    vae = vae.to("cpu", None)
    scheduler = build_module(cfg["scheduler"], SCHEDULERS)
    for k, prompt in enumerate(cfg["prompt"]):
        samples = scheduler.sample(
            model,
            text_encoder,
            z_size=(4, 16, 32, 32),
            prompts=[prompt],
            device="cpu",
            additional_args={},
        )
        samples = vae.decode(samples)
        if is_master():
            save_sample(samples, fps=8, save_path=os.path.join(cfg["save_dir"], f"{k}.txt"))
            print(samples)


if __name__ == "__main__":
    main()
