from .gaussian_diffusion import GaussianDiffusion


class SpacedDiffusion(GaussianDiffusion):
    def __init__(self, num_sampling_steps):
        super().__init__(num_sampling_steps)
        self.timestep_map = [k * (1000 // num_sampling_steps) for k in range(num_sampling_steps)]

    def p_sample(self, model, x, t, **more):
        return super().p_sample(lambda x, t: model(x, self.timestep_map[t]), x, t, **more)
