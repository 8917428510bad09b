import os

from colossalai.booster import Booster


def init_inference_environment():
    pass


def get_booster(cfg, ae=False):
    return Booster() if cfg.get("plugin") == "hybrid" else None


def get_is_saving_process(cfg):
    return os.environ.get("RANK", "0") == "0"
