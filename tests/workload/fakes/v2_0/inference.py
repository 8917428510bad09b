from opensora.registry import DATASETS, build_module
from opensora.utils.cai import init_inference_environment
from opensora.utils.config import parse_alias, parse_configs
from opensora.utils.inference import process_and_save
from opensora.utils.sampling import option, prepare_api, prepare_models

cfg = parse_alias(parse_configs())
init_inference_environment()
build_module(object(), DATASETS)
parts = prepare_models(cfg, "cpu", None)
api_fn = prepare_api(*parts)
opt = option(height=192, width=336, **cfg["sampling_option"])
for epoch in range(2):
    x = api_fn(opt, "t2v", seed=epoch, text=[cfg["prompt"]])
    process_and_save(x, {}, cfg, "video", opt, epoch, 0)
    print(x)
