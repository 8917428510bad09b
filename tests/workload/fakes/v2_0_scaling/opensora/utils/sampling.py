from types import SimpleNamespace

from opensora.registry import MODELS, build_module
from opensora.utils.inference import collect_references_batch
from tiny import Number


def SamplingOption(**given):
    return SimpleNamespace(**{"height": None, "width": None, "method": "i2v", **given})


def sanitize_sampling_option(sampling_option):
    sampling_option.height, sampling_option.width = 192, 336
    return sampling_option


class I2VDenoiser:
    def denoise(self, model, **kwargs):
        img = kwargs.pop("img")
        timesteps = kwargs.pop("timesteps")
        for t_curr, t_prev in zip(timesteps[:-1], timesteps[1:]):
            img = img + (t_prev - t_curr) * model(img=img, timesteps=t_curr, **kwargs)
        return img


class DistilledDenoiser:
    def denoise(self, model, **kwargs):
        img = kwargs.pop("img")
        timesteps = kwargs.pop("timesteps")
        for t_curr, t_prev in zip(timesteps[:-1], timesteps[1:]):
            img = img + (t_prev - t_curr) * model(img=img, timesteps=t_curr, **kwargs)
        return img


class I2VScalingDenoiser:
    def denoise(self, model, **kwargs):
        img = kwargs.pop("img")
        timesteps = kwargs.pop("timesteps")
        do_inference_scaling = kwargs.pop("do_inference_scaling", True)
        num_subtree = kwargs.pop("num_subtree", 3)
        model_ae = kwargs.pop("model_ae", None)
        scaling_steps = kwargs.pop("scaling_steps", range(len(timesteps))[1:])
        for i, (t_curr, t_prev) in enumerate(zip(timesteps[:-1], timesteps[1:])):
            if i not in scaling_steps or not do_inference_scaling:
                img = img + (t_prev - t_curr) * model(img=img, timesteps=t_curr, **kwargs)
                continue
            subtrees = []
            for k in range(num_subtree):
                subtree = img + (t_prev - t_curr) * model(img=img + k, timesteps=t_curr, **kwargs)
                subtree_onestep = model(img=subtree, timesteps=t_prev, **kwargs)
                subtrees.append((model_ae.decode(subtree_onestep), subtree))
            img = max(subtrees)[1]
        return img


SamplingMethodDict = {
    "i2v": I2VDenoiser(),
    "distill": DistilledDenoiser(),
    "i2v_inference_scaling": I2VScalingDenoiser(),
}


def get_noise(
    num_samples, height, width, num_frames, device, dtype, seed, patch_size=2, channel=16
):
    return 1.0


def get_schedule(num_steps, image_seq_len, num_frames):
    return [1 - k / num_steps for k in range(num_steps + 1)]


def prepare(t5, clip, img, prompt, seq_align=1, patch_size=2):
    txt = t5(prompt, added_tokens=1, seq_align=seq_align)
    vec = clip(prompt)
    return {"img": img, "txt": txt, "y_vec": vec}


def prepare_models(cfg, device, dtype, offload_model=False):
    model = build_module(cfg["model"], MODELS)
    model_ae = build_module(cfg["ae"], MODELS)
    model_t5 = build_module(cfg["t5"], MODELS)
    model_clip = build_module(cfg["clip"], MODELS)
    optional_models = {
        name: build_module(cfg[name], MODELS) for name in ("img_flux", "img_flux_ae") if name in cfg
    }
    return model, model_ae, model_t5, model_clip, optional_models


def prepare_api(model, model_ae, model_t5, model_clip, optional_models):
    def api_fn(
        opt,
        cond_type="t2v",
        seed=None,
        sigma_min=1e-5,
        text=None,
        neg=None,
        patch_size=2,
        channel=16,
        **kwargs,
    ):
        z = get_noise(len(text), opt.height, opt.width, opt.num_frames, "cpu", None, seed)
        denoiser = SamplingMethodDict[opt.method]
        if cond_type != "t2v" and "ref" in kwargs:
            collect_references_batch(
                kwargs.pop("ref"), cond_type, model_ae, (opt.height, opt.width)
            )
        timesteps = get_schedule(opt.num_steps, 1, opt.num_frames)
        inp = prepare(model_t5, model_clip, z, prompt=text, patch_size=patch_size)
        x = denoiser.denoise(
            model,
            **inp,
            timesteps=timesteps,
            guidance=7.5,
            do_inference_scaling=opt.do_inference_scaling,
            num_subtree=opt.num_subtree,
            model_ae=model_ae,
            scaling_steps=opt.scaling_steps,
        )
        return Number(model_ae.decode(x))

    return api_fn
