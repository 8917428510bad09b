import os

from opensora.registry import DATASETS, build_module
from opensora.utils.cai import get_booster, get_is_saving_process, init_inference_environment
from opensora.utils.config import parse_alias, parse_configs
from opensora.utils.inference import modify_option_to_t2i, process_and_save
from opensora.utils.prompt_refine import refine_prompts
from opensora.utils.sampling import (
    SamplingOption,
    prepare_api,
    prepare_models,
    sanitize_sampling_option,
)


def main():
    cfg = parse_alias(parse_configs())
    init_inference_environment()
    is_saving_process = get_is_saving_process(cfg)
    booster = get_booster(cfg)
    build_module(object(), DATASETS)
    sampling_option = sanitize_sampling_option(SamplingOption(**cfg["sampling_option"]))
    cond_type = "t2v"
    model, model_ae, model_t5, model_clip, optional_models = prepare_models(
        cfg, "cpu", None, offload_model=cfg.get("offload_model", False)
    )
    if booster:
        model, _, _, _, _ = booster.boost(model=model)
        model = model.unwrap()
    api_fn = prepare_api(model, model_ae, model_t5, model_clip, optional_models)
    if cfg.get("use_t2i2v"):
        api_fn_img = prepare_api(
            optional_models["img_flux"],
            optional_models["img_flux_ae"],
            model_t5,
            model_clip,
            optional_models,
        )
    for epoch in range(2):
        batch = {"text": [cfg["prompt"]]}
        original_text = batch.pop("text")
        if cfg.get("use_t2i2v"):
            refine = cfg.get("prompt_refine")
            batch["text"] = refine_prompts(original_text, type="t2i") if refine else original_text
            option_t2i = modify_option_to_t2i(sampling_option, distilled=True)
            if cfg.get("offload_model"):
                model = model.to("cpu", None)
                model_ae = model_ae.to("cpu", None)
                optional_models["img_flux"].to("cuda", None)
                optional_models["img_flux_ae"].to("cuda", None)
            x_cond = api_fn_img(option_t2i, "t2v", seed=epoch, channel=64, **batch).cpu()
            folder = os.path.join("video_256px", "generated_condition")
            batch["name"] = process_and_save(
                x_cond, batch, cfg, folder, option_t2i, epoch, 0, saving=is_saving_process
            )
            if cfg.get("offload_model"):
                model = model.to("cuda", None)
                model_ae = model_ae.to("cuda", None)
                optional_models["img_flux"].to("cpu", None)
                optional_models["img_flux_ae"].to("cpu", None)
            batch["ref"] = [f"{name}.png" for name in batch["name"]]
            cond_type = "i2v_head"
        batch["text"] = original_text
        if cfg.get("prompt_refine"):
            batch["text"] = refine_prompts(original_text, type="t2v")
        x = api_fn(sampling_option, cond_type, seed=epoch, channel=64, **batch).cpu()
        if is_saving_process:
            process_and_save(x, batch, cfg, "video_256px", sampling_option, epoch, 0)
        print(x)


if __name__ == "__main__":
    main()
