from . import gaussian_diffusion as gd


class IDDPM(gd.GaussianDiffusion):
    def __init__(self, num_sampling_steps):
        self.num_timesteps = num_sampling_steps
        self.timestep_map = [0, 333, 666]

    def sample(self, model, text_encoder, z, prompts, device, additional_args=None, mask=None):
        y = text_encoder.encode(prompts)["y"]
        return self.p_sample_loop(lambda x, t: model.forward(x, t) + y, z)
