"""A calibration is put into a profile, and everything else in it stays as somebody wrote it."""

import stat

import pytest

from monitor.calibration import profile_edit
from monitor.config import load
from monitor.errors import ConfigError
from monitor.model import Calibration

FOUND = Calibration(gain=1.01, offset=-0.25, offset_uncertainty=0.01, date="2026-11-20", note="µ")
BLOCKS = """# My lab
[instrument]
address = "TCPIP::127.0.0.1::5025::SOCKET"   # beside the window

[[instrument.inputs]]
input = 1  # red
quantity = "voltage"

[[instrument.inputs]]
# the clamp
input = 2
quantity = "current"
{old}
[markers]
broker = "none"
"""
PROFILES = {
    "tables": BLOCKS.format(old=""),
    "calibrated before": BLOCKS.format(
        old='[instrument.inputs.calibration]\ngain = 2.0\ndeskew_s = 1e-6 # old\n'
    ),
    "in one line": """[instrument]  # a
address = "x"
inputs = [{input = 1, quantity = "voltage"}, {input = 2, quantity = "current"}]
""",
    "by default": '[instrument]\naddress = "x"  # here\n',
}  # fmt: skip


@pytest.fixture
def profile(tmp_path):
    return tmp_path / "p.toml"


@pytest.mark.parametrize("text", PROFILES.values(), ids=PROFILES)
def test_only_the_calibration_changes(profile, text):
    profile.write_text(text)
    before = load(profile)
    profile_edit.put(profile, {2: FOUND})
    after = load(profile)
    voltage, current = after.instrument.inputs
    assert current.calibration == FOUND
    assert voltage == before.instrument.inputs[0]
    assert after.markers == before.markers
    written = profile.read_text()
    for line in text.splitlines():
        if "#" in line and "old" not in line:
            assert line in written
    assert list(profile.parent.iterdir()) == [profile]


def test_again_and_again_it_does_not_grow(profile):
    profile.write_text(PROFILES["tables"])
    profile_edit.put(profile, {1: FOUND, 2: FOUND})
    once = profile.read_text()
    for _ in range(3):
        profile_edit.put(profile, {1: FOUND, 2: FOUND})
    assert profile.read_text() == once


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(profile, tmp_path):
    real = tmp_path / "real.toml"
    real.write_text(PROFILES["tables"])
    real.chmod(0o640)
    profile.symlink_to(real)
    profile_edit.put(profile, {2: FOUND})
    assert profile.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert load(real).instrument.inputs[1].calibration == FOUND


def test_an_input_that_is_not_there_leaves_the_profile_as_it_is(profile):
    profile.write_text(PROFILES["tables"])
    profile_edit.put(profile, {9: FOUND})
    assert profile.read_text() == PROFILES["tables"]


def test_a_profile_that_would_mean_something_else_is_left_as_it_is(profile, monkeypatch):
    profile.write_text(PROFILES["tables"])
    monkeypatch.setattr(profile_edit.tomlkit, "dumps", lambda _: PROFILES["in one line"])
    with pytest.raises(ConfigError, match="was left as it is"):
        profile_edit.put(profile, {2: FOUND})
    assert profile.read_text() == PROFILES["tables"]
    assert list(profile.parent.iterdir()) == [profile]


def test_a_profile_that_is_not_there_is_named(profile):
    with pytest.raises(ConfigError, match="cannot be read"):
        profile_edit.put(profile, {2: FOUND})
