def append_generated(vae, generated_video):
    return vae.encode(generated_video)


def refine_prompts_by_openai(prompts):
    return prompts


def add_watermark(input_video_path, watermark_image_path="w.png", output_video_path=None):
    return input_video_path
