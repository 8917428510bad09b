def timestep_transform(
    t,
    model_kwargs,
    base_resolution=512 * 512,
    base_num_frames=1,
    scale=1.0,
    num_timesteps=1,
):
    t = t / num_timesteps
    latent_frames = model_kwargs["num_frames"] // 17 * 5
    area = model_kwargs["height"] * model_kwargs["width"]
    ratio = (area / base_resolution).sqrt() * (latent_frames / base_num_frames).sqrt() * scale
    return ratio * t / (1 + (ratio - 1) * t) * num_timesteps
