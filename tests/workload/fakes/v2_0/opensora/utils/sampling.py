from types import SimpleNamespace

from opensora.registry import MODELS, build_module
from opensora.utils.inference import collect_references_batch


class I2VDenoiser:
    def denoise(self, model, **kwargs):
        img = kwargs.pop("img")
        timesteps = kwargs.pop("timesteps")
        for t_curr, t_prev in zip(timesteps[:-1], timesteps[1:]):
            img = img + (t_prev - t_curr) * model(img=img, timesteps=t_curr, **kwargs)
        return img


class DistilledDenoiser(I2VDenoiser):
    def denoise(self, model, **kwargs):
        return super().denoise(model, **kwargs)


DENOISER = I2VDenoiser()


def get_noise(
    num_samples, height, width, num_frames, device, dtype, seed, patch_size=2, channel=16
):
    return 1.0


def prepare(t5, clip, img, prompt, seq_align=1, patch_size=2):
    return {"img": img, "txt": t5(prompt), "y_vec": clip(prompt)}


def prepare_models(cfg, device, dtype, offload_model=False):
    parts = [build_module(cfg[part], MODELS) for part in ("model", "ae", "t5", "clip")]
    return (*parts, {})


def prepare_api(model, model_ae, model_t5, model_clip, optional_models):
    def api_fn(opt, cond_type="t2v", seed=None, text=None, **kwargs):
        z = get_noise(1, opt.height, opt.width, opt.num_frames, "cpu", None, seed)
        collect_references_batch([], cond_type, model_ae, (1, 1))
        inp = prepare(model_t5, model_clip, z, prompt=text)
        n = opt.num_steps
        timesteps = [1 - k / n for k in range(n + 1)]
        return model_ae.decode(DENOISER.denoise(model, **inp, timesteps=timesteps, guidance=1))

    return api_fn


def option(**given):
    return SimpleNamespace(**given)
