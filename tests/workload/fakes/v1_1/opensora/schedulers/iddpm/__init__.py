from .respace import SpacedDiffusion


class IDDPM(SpacedDiffusion):
    def sample(self, model, text_encoder, z, prompts, device, additional_args=None, mask=None):
        y = text_encoder.encode(prompts)["y"]
        return self.p_sample_loop(lambda x, t: model.forward(x, t) + y, z, device=device)
