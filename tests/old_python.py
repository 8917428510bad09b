"""Finds the oldest Python that workloads run on, if it is here."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest


@functools.cache
def python_3_8():
    """Return an executable of Python 3.8; without one, skip the test."""
    for name in ("python3.8", *_of_pyenv()):
        if (found := shutil.which(name)) and _said_by(found, "-c", "print(38)") == "38":
            return found
    return pytest.skip("there is no Python 3.8 here")


def _of_pyenv():
    """Return those that pyenv has, whether its shims run them or not."""
    pyenv = shutil.which("pyenv")
    root = pyenv and _said_by(pyenv, "root")
    return map(str, sorted(Path(root).glob("versions/3.8.*/bin/python3.8"))) if root else ()


def _said_by(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()
