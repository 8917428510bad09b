class RFLOW:
    def __init__(self, num_sampling_steps, num_timesteps=1000):
        self.num_sampling_steps = num_sampling_steps
        self.num_timesteps = num_timesteps
        self.use_timestep_transform = False

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
        y = text_encoder.encode(prompts)["y"]
        for k in range(self.num_sampling_steps):
            z = z + model(z, 1 - k / self.num_sampling_steps) + y
        return z
