import copy
import os

from opensora.datasets import save_sample
from opensora.utils.prompt_refine import refine_prompts


def modify_option_to_t2i(sampling_option, distilled=False, img_resolution="1080px"):
    option = copy.copy(sampling_option)
    option.method, option.num_frames = "distill", 1
    option.height, option.width = 576, 1024
    return option


def collect_references_batch(reference_paths, cond_type, model_ae, image_size, is_causal=False):
    return [model_ae.encode(float(len(path))) for path in reference_paths]


def process_and_save(
    x, batch, cfg, sub_dir, generate_sampling_option, epoch, start_index, saving=True
):
    name = f"{os.path.basename(sub_dir)}-{epoch}"
    if saving:
        save_sample(x, save_path=os.path.join(cfg["save_dir"], f"{name}.txt"), fps=24)
    return [name]
