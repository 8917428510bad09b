"""The client alone is a package, `wattstage-client`: one module, which is the file."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from monitor.markers import client as module

SOURCE = Path(module.__file__)
PROJECT = SOURCE.parent
LIMIT_S = 100
PROGRAM = """
from wattstage_client import mark, stage

with stage("denoise", steps=50):
    mark("note")
"""

pytest.importorskip("hatchling", reason="the package is built with hatchling")


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, *offline, *arguments], check=True, timeout=LIMIT_S)


def sdist(folder):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder]
    subprocess.run(command, check=True, cwd=PROJECT, timeout=LIMIT_S, capture_output=True)
    (made,) = Path(folder).iterdir()
    return made


@pytest.mark.parametrize("source", [lambda _: PROJECT, sdist], ids=["checkout", "sdist"])
def test_what_is_installed_is_the_file_and_marks(tmp_path, broker, listener, prefix, source):
    packages = tmp_path / "packages"
    pip("--target", packages, source(tmp_path / "sdist"))
    assert (packages / "wattstage_client.py").read_bytes() == SOURCE.read_bytes()
    assert [path.name for path in packages.glob("*.py")] == ["wattstage_client.py"]
    env = {"PYTHONPATH": str(packages), "WATTSTAGE_BROKER": broker.url, "WATTSTAGE_PREFIX": prefix}
    subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True, cwd=tmp_path, env={**os.environ, **env}, timeout=LIMIT_S,
    )  # fmt: skip
    begin, note, end = listener.markers(3)
    assert (begin["stage"], begin["attrs"]) == ("denoise", {"steps": 50})
    assert (note["stage"], note["parent_id"]) == ("note", begin["span_id"])
    assert (end["event"], end["span_id"]) == ("end", begin["span_id"])


def test_the_page_says_how_to_install_it():
    page = (PROJECT.parents[1] / "docs/how-to/mark-a-workload.md").read_text()
    assert f"pip install ./{PROJECT.relative_to(PROJECT.parents[1])}\n" in page


def test_its_version_is_that_of_wattstage():
    project = tomllib.loads((PROJECT.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"] == module.__version__


def test_it_needs_paho_mqtt_and_a_python_of_2019():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.8"
    assert project["dependencies"] == ["paho-mqtt>=1.6,<3"]
