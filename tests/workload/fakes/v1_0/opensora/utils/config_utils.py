from options import given


def parse_configs(training=False):
    return given(
        {
            "prompt": ["a cat", "a dog"],
            "num_frames": 16,
            "fps": 24,
            "image_size": [256, 256],
            "model": {"type": "STDiT-XL/2"},
            "vae": {"type": "VideoAutoencoderKL"},
            "text_encoder": {"type": "t5"},
            "scheduler": {"type": "iddpm", "num_sampling_steps": 3},
        }
    )
