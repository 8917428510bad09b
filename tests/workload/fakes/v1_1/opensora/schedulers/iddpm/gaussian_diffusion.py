class GaussianDiffusion:
    def __init__(self, num_timesteps):
        self.num_timesteps = num_timesteps

    def p_sample(
        self,
        model,
        x,
        t,
        clip_denoised=True,
        denoised_fn=None,
        cond_fn=None,
        model_kwargs=None,
        mask=None,
    ):
        return model(x, t)

    def p_sample_loop(self, model, x, device=None):
        for sample in self.p_sample_loop_progressive(model, x, device=device):
            final = sample
        return final

    def p_sample_loop_progressive(self, model, x, device=None):
        for t in range(self.num_timesteps)[::-1]:
            x = self.p_sample(model, x, t)
            yield x
