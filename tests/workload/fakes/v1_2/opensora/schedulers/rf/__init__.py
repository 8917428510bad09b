import torch

from .rectified_flow import timestep_transform


class RFLOW:
    def __init__(
        self,
        num_sampling_steps=10,
        num_timesteps=1000,
        use_discrete_timesteps=False,
        use_timestep_transform=False,
    ):
        self.num_sampling_steps = num_sampling_steps
        self.num_timesteps = num_timesteps
        self.use_discrete_timesteps = use_discrete_timesteps
        self.use_timestep_transform = use_timestep_transform

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
        progress=True,
    ):
        model_args = text_encoder.encode(prompts)
        model_args.update(additional_args)
        n = self.num_sampling_steps
        timesteps = [(1.0 - i / n) * self.num_timesteps for i in range(n)]
        if self.use_discrete_timesteps:
            timesteps = [int(round(t)) for t in timesteps]
        timesteps = [torch.tensor([t], device=device) for t in timesteps]
        if self.use_timestep_transform:
            timesteps = [
                timestep_transform(t, additional_args, num_timesteps=self.num_timesteps)
                for t in timesteps
            ]
        for t in timesteps:
            z = z + model(z, t, **model_args)
        return z
