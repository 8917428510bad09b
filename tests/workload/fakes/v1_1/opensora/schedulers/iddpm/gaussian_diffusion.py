class GaussianDiffusion:
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

    def p_sample_loop(self, model, x):
        for t in range(self.num_timesteps)[::-1]:
            x = self.p_sample(model, x, t)
        return x
