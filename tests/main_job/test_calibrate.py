"""Calibrating as a user does: against the bench, into a profile, and in a recording afterwards."""

import json

import pytest
from lab import bench, said, wattstage

from monitor.config import load
from monitor.recording.reader import Recording
from monitor.sources.visa import VisaLink

PROFILE = """# my lab
[instrument]
address = "{visa}"
record_s = 0.05
sample_rate_hz = 20e3
supply = "dc"

[[instrument.inputs]]
input = 1
quantity = "voltage"

[[instrument.inputs]]
input = {current}  # the clamp
quantity = "current"
reports = "{reports}"
"""


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "lab.toml"

    def write(visa, current=2, reports="unit"):
        path.write_text(PROFILE.format(visa=visa, current=current, reports=reports))
        return path

    return write


def test_a_zero_goes_into_the_profile_and_into_every_recording(tmp_path, profile):
    path = tmp_path / "a.h5"
    with bench("--supply", "dc", "--start-delay", 60) as visa:
        with VisaLink(visa, 2.0) as link:  # nothing is plugged in there
            link.write(":CHANnel3:DISPlay ON")
        config = profile(visa, current=3, reports="volts")
        text = said(
            "calibrate", "zero", "--config", config, "--seconds", 0.5, "--yes",
            "--temperature", "21 °C",
        )  # fmt: skip
        assert "main current: " in text
        assert "where nothing is" in text
        found = load(config).instrument.inputs[1].calibration
        assert abs(found.offset) < 1.0
        assert (found.temperature, found.note) == ("21 °C", "zeroed")
        assert found.offset_uncertainty > 0
        assert "input = 3  # the clamp" in config.read_text()
        said(
            "record", "--config", config, "--broker", "none", "--quiet", "--seconds", 1, "-o", path
        )
    with Recording(path) as recording:
        assert recording.info.channels[1].probe.calibration == found
        _, amps, _ = recording.read(*recording.bounds)
        assert abs(float(amps[amps == amps].mean())) < 0.01
    assert json.loads(said("stages", "--json", path))["total"]["u_j"] > 0
    assert "zeroed" in said("calibrate", path)


def test_a_zero_with_current_flowing_and_a_gain_of_one_level_change_nothing(profile):
    with bench("--supply", "mains230", "--start-delay", 60) as visa:
        config = profile(visa)
        before = config.read_text()
        done = wattstage(
            "calibrate", "gain", "--config", config, "--seconds", 0.3, input="\n2\n\n9\n"
        )
        assert done.returncode == 1
        assert "no gain can be made" in done.stderr
        gone = wattstage("calibrate", "zero", "--config", config, "--input", 7, "--yes")
        assert "no input 7; it has 1, 2" in gone.stderr
    assert config.read_text() == before


def test_an_instrument_that_is_not_there_changes_nothing(profile):
    config = profile("TCPIP::127.0.0.1::1::SOCKET")
    before = config.read_text()
    done = wattstage("calibrate", "zero", "--config", config, "--yes")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert config.read_text() == before


def test_the_help_of_a_file_has_no_word_in_its_usage_that_is_not_typed(tmp_path):
    usage = said("calibrate", tmp_path / "a.h5", "--help").split("Usage:")[1].splitlines()[0]
    assert usage.split()[-3:] == ["calibrate", "[OPTIONS]", "{file}"]


def test_a_recording_is_corrected_by_hand_from_a_profile_and_back(tmp_path, profile):
    path = tmp_path / "a.h5"
    with bench("--supply", "dc", "--start-delay", 60) as visa:
        config = profile(visa)
        said(
            "record", "--config", config, "--broker", "none", "--quiet", "--seconds", 1, "-o", path
        )

    def energy_j():
        return json.loads(said("stages", "--json", path))["total"]["energy_j"]

    first = energy_j()
    name = "main current"
    assert "not calibrated" in said("calibrate", path)
    assert "corrected" in said("calibrate", path, "--channel", name, "--gain", 1.1, "--note", "why")
    assert energy_j() == pytest.approx(1.1 * first, rel=1e-5)
    assert "why" in said("calibrate", path)
    said("calibrate", path, "--channel", name, "--ratio", -2)
    assert energy_j() == pytest.approx(-2.2 * first, rel=1e-5)
    said("calibrate", path, "--config", config)
    assert energy_j() == pytest.approx(-2.0 * first, rel=1e-5)
    assert said("calibrate", path, "--undo").lstrip().startswith("undone: the last correction")
    value = json.loads(said("calibrate", path, "--json"))
    assert value["channels"][name]["calibration"]["gain"] == 1.1
    assert [each["reason"] for each in value["corrections"]] == [
        "why", "corrected by hand", "calibration of lab.toml", "undone",
    ]  # fmt: skip
    assert energy_j() == pytest.approx(-2.2 * first, rel=1e-5)
    for arguments, words in (
        (("--channel", "amps", "--gain", 2), "--channel 'main voltage' or 'main current'"),
        (("--channel", name, "--gain", -1), "gain must be above 0"),
        (("--undo", "--config", config), "either --undo"),
    ):
        done = wattstage("calibrate", path, *arguments)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert energy_j() == pytest.approx(-2.2 * first, rel=1e-5)
