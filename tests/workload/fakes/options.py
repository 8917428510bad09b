"""Reads a fake's arguments: a folder for the videos, then ``--key value`` in pairs."""

import ast
import sys


def given(config):
    """Return a configuration with what the arguments say in it."""
    config["save_dir"] = sys.argv[1]
    for key, text in zip(sys.argv[2::2], sys.argv[3::2]):
        config[key[2:]] = ast.literal_eval(text)
    return config
