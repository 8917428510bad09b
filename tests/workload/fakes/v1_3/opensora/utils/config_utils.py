from options import given


def parse_configs(training=False):
    return given(
        {
            "prompt": ["a cat", "a dog"],
            "reference_path": ["", ""],
            "num_frames": 113,
            "fps": 24,
            "resolution": "720p",
            "aspect_ratio": "9:16",
            "multi_resolution": "STDiT2",
            "loop": 1,
            "model": {"type": "STDiT3-XL/2"},
            "vae": {"type": "OpenSoraVAE_V1_3"},
            "text_encoder": {"type": "t5"},
            "scheduler": {
                "type": "rflow",
                "use_timestep_transform": True,
                "num_sampling_steps": 3,
            },
        }
    )
