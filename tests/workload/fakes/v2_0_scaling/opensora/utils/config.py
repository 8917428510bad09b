from options import given


def parse_configs():
    cfg = given(
        {
            "model": {"type": "flux"},
            "ae": {"type": "hunyuan_vae"},
            "t5": {"type": "text_embedder", "from_pretrained": "./ckpts/t5"},
            "clip": {"type": "text_embedder", "from_pretrained": "./ckpts/clip"},
            "plugin": "hybrid",
            "plugin_config": {"tp_size": 1, "sp_size": 2},
            "prompt": "raining, sea",
            "sampling_option": {
                "num_frames": 17,
                "num_steps": 4,
                "resolution": "256px",
                "method": "i2v_inference_scaling",
                "do_inference_scaling": True,
                "num_subtree": 2,
                "scaling_steps": [1, 3],
            },
        }
    )
    if cfg.get("use_t2i2v"):
        cfg["img_flux"] = {"type": "flux"}
        cfg["img_flux_ae"] = {"type": "autoencoder_2d"}
    return cfg


def parse_alias(cfg):
    return cfg
