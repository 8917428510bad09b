import torch

from .time_sampler import timestep_transform


class RFLOW:
    def __init__(
        self,
        num_sampling_steps=10,
        num_timesteps=1000,
        use_discrete_timesteps=False,
        use_timestep_transform=False,
        transform_scale=1.0,
        scale_temporal=True,
    ):
        self.num_sampling_steps = num_sampling_steps
        self.num_timesteps = num_timesteps
        self.use_discrete_timesteps = use_discrete_timesteps
        self.use_timestep_transform = use_timestep_transform
        self.transform_scale = transform_scale
        self.scale_temporal = scale_temporal

    def sample(
        self,
        model,
        text_encoder,
        z,
        prompts,
        device,
        additional_args=None,
        mask=None,
        guidance_scale=None,
        image_cfg_scale=None,
        progress=True,
        neg_prompts=None,
        z_cond=None,
        z_cond_mask=None,
        mask_index=None,
        use_sdedit=False,
        use_oscillation_guidance_for_text=None,
        use_oscillation_guidance_for_image=None,
    ):
        model_args = text_encoder.encode(**text_encoder.tokenize_fn(prompts))
        if neg_prompts is not None:
            text_encoder.encode(**text_encoder.tokenize_fn(neg_prompts))
        model_args.update(additional_args)
        n = self.num_sampling_steps
        timesteps = [(1.0 - i / n) * self.num_timesteps for i in range(n)]
        if self.use_discrete_timesteps:
            timesteps = [int(round(t)) for t in timesteps]
        timesteps = [torch.tensor([t], device=device) for t in timesteps]
        if self.use_timestep_transform:
            timesteps = [
                timestep_transform(
                    t,
                    additional_args,
                    scale=self.transform_scale,
                    num_timesteps=self.num_timesteps,
                    scale_temporal=self.scale_temporal,
                )
                for t in timesteps
            ]
        for t in timesteps:
            z = z + model(z, t, **model_args)
        return z
