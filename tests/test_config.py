from pathlib import Path

import pytest

from monitor.config import load
from monitor.errors import ConfigError
from monitor.model import Quantity, Supply

GOOD = """
[instrument]
address = "TCPIP::127.0.0.1::5025::SOCKET"
record_s = 0.1
supply = "mains"

[[instrument.inputs]]
input = 1
quantity = "voltage"

[[instrument.inputs]]
input = 3
quantity = "current"
reports = "volts"
ratio = 10.0

[markers]
broker = "mqtt://127.0.0.1:1883"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_a_settings_file_becomes_settings(tmp_path):
    settings = load(written(tmp_path, GOOD))
    assert settings.instrument.supply is Supply.MAINS
    voltage, current = (item.channel() for item in settings.instrument.inputs)
    assert voltage.quantity is Quantity.VOLTAGE
    assert current.probe.ratio == 10.0
    assert current.name == "main current"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("record_s", "rekord_s", "rekord_s"),
        ("record_s = 0.1", 'record_s = "long"', "record_s"),
        ('supply = "mains"', 'supply = "steam"', "supply"),
        ("address", "adress", "adress"),
        ("ratio = 10.0", "ratio = 0.0", "ratio must not be 0"),
        ("ratio = 10.0", "ratio = 10.0\nprobe_factor = 0.0", "probe_factor must not be 0"),
        ('reports = "volts"', 'reports = "unit"', "say reports"),
        ("input = 3", "input = 1", "must be different"),
        ('quantity = "current"', 'quantity = "voltage"', "one voltage and one current"),
        ("[instrument]", "[instrument", "not TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, old, new, said):
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_a_binary_file_is_not_toml(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not TOML"):
        load(path)


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        ("gain = 0.0", "gain must be above 0, got 0"),
        ("gain = -1.0", "a negative ratio"),
        ("gain = nan", "got nan"),
        ("offset = inf", "its offset finite"),
        ("deskew_s = 0.1", "deskew_s must be within 0.001 s"),
        ("gain_uncertainty = -0.1", "gain_uncertainty must be 0 or more"),
        ("offset_uncertainty = inf", "offset_uncertainty must be 0 or more"),
    ],
)
def test_a_calibration_that_cannot_be_is_named(tmp_path, calibration, words):
    path = tmp_path / "p.toml"
    path.write_text(
        '[instrument]\naddress = "TCPIP::127.0.0.1::5025::SOCKET"\n[[instrument.inputs]]\n'
        f'input = 1\nquantity = "power"\ncalibration = {{ {calibration} }}\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert words in str(caught.value)
    assert "inputs[0].calibration" in str(caught.value)


@pytest.mark.parametrize("name", ["fsync_s", "keep_free_gb"])
def test_a_recording_setting_is_not_negative(tmp_path, name):
    path = tmp_path / "s.toml"
    path.write_text(f'[instrument]\naddress = "A"\n[recording]\n{name} = -1\n')
    with pytest.raises(ConfigError, match=f"recording.{name} must not be negative, got -1"):
        load(path)


@pytest.mark.parametrize("name", ["split_gb", "split_hours"])
def test_a_recording_is_split_by_something_positive(tmp_path, name):
    path = tmp_path / "s.toml"
    path.write_text(f'[instrument]\naddress = "A"\n[recording]\n{name} = 0\n')
    with pytest.raises(ConfigError, match=f"recording.{name} must be positive, got 0"):
        load(path)
