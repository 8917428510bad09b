import torch


def prepare_multi_resolution_info(
    info_type, batch_size, image_size, num_frames, fps, device, dtype
):
    numbers = {"height": image_size[0], "width": image_size[1], "num_frames": num_frames}
    return {
        name: torch.tensor([number] * batch_size, device=device, dtype=dtype)
        for name, number in numbers.items()
    }


def collect_references_batch(reference_paths, vae, image_size):
    return [vae.encode(torch.tensor([len(path)])) if path else None for path in reference_paths]


def append_generated(vae, generated_video):
    return vae.encode(generated_video)


def refine_prompts_by_openai(prompts):
    return prompts


def add_watermark(input_video_path, watermark_image_path="w.png", output_video_path=None):
    return True
