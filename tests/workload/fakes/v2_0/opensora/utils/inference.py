import os

from opensora.datasets import save_sample
from opensora.utils.prompt_refine import refine_prompts


def collect_references_batch(reference_paths, cond_type, model_ae, image_size, is_causal=False):
    return [None]


def process_and_save(
    x, batch, cfg, sub_dir, generate_sampling_option, epoch, start_index, saving=True
):
    if saving:
        save_sample(x, save_path=os.path.join(cfg["save_dir"], f"{epoch}.txt"), fps=24)
    return ["0"]
