from .respace import SpacedDiffusion


class IDDPM(SpacedDiffusion):
    def sample(self, model, text_encoder, z_size, prompts, device, additional_args=None):
        y = text_encoder.encode(prompts)["y"]
        return self.p_sample_loop(lambda x, t: model.forward(x, t) + y, 1.0, device=device)
