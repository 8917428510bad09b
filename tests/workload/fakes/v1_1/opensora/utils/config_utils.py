import sys


def parse_configs(training=False):
    return {
        "prompt": ["a cat", "a dog"],
        "save_dir": sys.argv[1],
        "num_frames": 16,
        "fps": 24,
        "resolution": "240p",
        "scheduler": {"type": "iddpm", "num_sampling_steps": 3},
    }
