from options import given


def parse_configs(training=False):
    return given(
        {
            "prompt": ["a cat", "a dog"],
            "reference_path": ["", ""],
            "num_frames": 16,
            "fps": 24,
            "resolution": "240p",
            "loop": 1,
            "model": {"type": "STDiT2-XL/2"},
            "vae": {"type": "VideoAutoencoderKL"},
            "text_encoder": {"type": "t5"},
            "scheduler": {"type": "iddpm", "num_sampling_steps": 3},
        }
    )
