def timestep_transform(
    t,
    model_kwargs,
    base_resolution=512 * 512,
    base_num_frames=1,
    scale=1.0,
    num_timesteps=1,
    scale_temporal=True,
    ret_ratio=False,
    uniform_over_threshold=None,
):
    t = t / num_timesteps
    latent_frames = (model_kwargs["num_frames"] - 1) // 4
    area = model_kwargs["height"] * model_kwargs["width"]
    ratio = (area / base_resolution).sqrt() * scale
    if scale_temporal:
        ratio = ratio * (latent_frames / base_num_frames).sqrt()
    return ratio * t / (1 + (ratio - 1) * t) * num_timesteps
