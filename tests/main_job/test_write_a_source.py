"""The worked example of a source, installed as a package, is recorded as it should be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lab import LIMIT_S, environment, wattstage

from monitor.recording.reader import Recording

EXAMPLE = Path(__file__).parents[2] / "docs" / "how-to" / "example-source"
NEEDS_SIGROK = pytest.mark.skipif(
    shutil.which("sigrok-cli") is None, reason="sigrok-cli is not installed (apt-get install it)"
)


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The environment of a user who has installed the example beside Wattstage."""
    pytest.importorskip("hatchling", reason="the example is built with hatchling")
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, folder / "source")
    packages = folder / "packages"
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    command += ["--no-index", "--no-deps", "--no-build-isolation", "--target", packages, source]
    subprocess.run(command, check=True, timeout=LIMIT_S)
    paths = [str(packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    return environment(folder) | {"PYTHONPATH": os.pathsep.join(paths)}


def recorded(tmp_path, user, settings, seconds):
    path = tmp_path / "out.h5"
    (tmp_path / "settings.toml").write_text(settings)
    done = wattstage(
        "record", "--config", tmp_path / "settings.toml", "--broker", "none", "--quiet",
        "--seconds", seconds, "-o", path, env=user,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Recording(path)


def test_the_example_is_recorded_without_a_gap(tmp_path, user):
    settings = '[instrument]\nkind = "sawtooth"\nsample_rate_hz = 1e4\n'
    with recorded(tmp_path, user, settings, 1.0) as recording:
        start, stop = recording.bounds
        volts, amps, _ = recording.read(start, start + 10_000)
        assert (recording.coverage, recording.n_gaps) == (1.0, 0)
        assert stop - start >= 10_000
    assert volts == pytest.approx(np.full(10_000, 12.0), abs=1e-4)
    assert amps == pytest.approx(np.arange(10_000) / 1000, abs=6e-4)  # half a code


def test_a_kind_that_is_not_installed_is_told_with_those_that_are(tmp_path, user):
    (tmp_path / "settings.toml").write_text('[instrument]\nkind = "picoscope"\n')
    done = wattstage(
        "record", "--config", tmp_path / "settings.toml", "--broker", "none", "--quiet",
        "-o", tmp_path / "out.h5", env=user,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "sawtooth, sigrok" in done.stderr


@NEEDS_SIGROK
def test_the_simulated_device_of_sigrok_is_recorded_as_sigrok_itself_shows_it(tmp_path, user):
    settings = (
        '[instrument]\nkind = "sigrok"\nsample_rate_hz = 2e4\nsupply = "dc"\n'
        'options = { driver = "demo", channels = "A1,A2" }\n'
    )
    with recorded(tmp_path, user, settings, 1.0) as recording:
        start, _ = recording.bounds
        signals = recording.read(start, start + 20_000)
        assert recording.coverage == 1.0
        assert recording.info.instrument["identity"] == "sigrok demo"
    command = ["sigrok-cli", "-d", "demo", "-c", "samplerate=20000", "-C", "A1,A2"]
    command += ["--samples", "1000", "-O", "csv:header=false:label=off"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT_S)
    rows = [line for line in text.stdout.splitlines() if ":" not in line]
    volts, amps = np.array([row.split(",") for row in rows], float).T
    # Both begin with the pattern's first sample.
    assert signals[:2, :1000] == pytest.approx(np.stack((volts, amps)), abs=1e-4)
    assert signals[2].mean() == pytest.approx((volts * amps).mean(), rel=1e-4, abs=1e-3)
