import sys


def parse_configs():
    return {
        "model": {"type": "flux"},
        "ae": {"type": "hunyuan_vae"},
        "t5": {"type": "text_embedder", "from_pretrained": "./ckpts/t5"},
        "clip": {"type": "text_embedder", "from_pretrained": "./ckpts/clip"},
        "plugin": "hybrid",
        "plugin_config": {"tp_size": 1, "sp_size": 2},
        "prompt": "raining, sea",
        "save_dir": sys.argv[1],
        "sampling_option": {"num_frames": 17, "num_steps": 4, "resolution": "256px"},
    }


def parse_alias(cfg):
    return cfg
