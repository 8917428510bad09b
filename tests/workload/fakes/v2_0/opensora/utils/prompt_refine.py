def refine_prompts(prompts, retry_times=3, type="t2v", image_paths=None):
    return prompts
