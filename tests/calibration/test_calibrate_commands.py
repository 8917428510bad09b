"""The guided commands from the first question to the profile, with a source that is known."""

import itertools

import numpy as np
import pytest
from fakes import INFO, SCALES, ListSource
from typer.testing import CliRunner

from monitor.calibration import taking
from monitor.cli import calibrate
from monitor.config import load
from monitor.errors import ConfigError
from monitor.model import Block

PROFILE = """# lab
[instrument]
kind = "known"
inputs = [{ input = 1, quantity = "voltage" }, { input = 2, quantity = "current" }]
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text(PROFILE)
    return path


@pytest.fixture
def shows(monkeypatch):
    """Let the instrument show volts and amps, a pair for each time that it is opened."""

    def prepare(*levels):
        made = (ListSource(list(records(*each))) for each in levels)
        monkeypatch.setattr(taking, "make_source", lambda *_: next(made))

    return prepare


def records(volts, amps, n=2000):
    rng = np.random.default_rng(1)
    for start in range(0, 10 * n, n):
        t = (start + np.arange(n)) / INFO.sample_rate_hz
        values = np.stack([f(t) if callable(f) else np.full(n, f) for f in (volts, amps)])
        codes = np.round(values / 0.001 + rng.normal(0, 2, values.shape)).astype(np.int16)
        yield Block(start, codes, SCALES, (0, 0), 0, 0)


def run(*arguments, answers=()):
    text = "".join(f"{answer}\n" for answer in answers)
    return CliRunner().invoke(calibrate.app, [str(each) for each in arguments], input=text)


def of(config):
    return [item.calibration for item in load(config).instrument.inputs]


def test_a_gain_takes_two_levels_and_what_the_reference_showed(config, shows):
    shows((12.0, 0.1), (12.0, 18.1))
    done = run(
        "gain", "--config", config, "--seconds", 1, "--reference-percent", 0.1,
        answers=("", 0.0, "", 20.0),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Point 1 of 2" in done.output
    assert "The reference shows, in A" in done.output
    voltage, current = of(config)
    assert current.gain == pytest.approx(20 / 18, rel=1e-4)
    assert current.offset == pytest.approx(-0.1 * 20 / 18, abs=1e-3)
    assert current.gain_uncertainty == pytest.approx(0.001 / 3**0.5, rel=0.01)
    assert current.note == "two points against a reference of 0.1 % + 0 A"
    assert current.date
    assert (voltage.gain, voltage.date) == (1.0, "")


def test_a_deskew_goes_to_the_later_channel(config, shows):
    def pulse(late_s):
        return lambda t: 10 * np.tanh(((t - late_s) % 0.3 - 0.1) / 3e-4)

    shows((pulse(0.0), pulse(5e-5)))
    done = run("deskew", "--config", config, "--seconds", 2, "--yes")
    assert done.exit_code == 0, done.output
    voltage, current = of(config)
    assert voltage.deskew_s == 0.0
    assert abs(current.deskew_s - 5e-5) < 5 * current.deskew_uncertainty_s
    assert "µs ± " in done.output


def test_a_deskew_measured_again_replaces_the_one_before(config, shows):
    def pulse(late_s):
        return lambda t: 10 * np.tanh(((t - late_s) % 0.3 - 0.1) / 3e-4)

    for late_s in (5e-5, -3e-5):
        shows((pulse(0.0), pulse(late_s)))
        assert run("deskew", "--config", config, "--yes").exit_code == 0
    voltage, current = of(config)
    assert voltage.deskew_s == pytest.approx(3e-5, abs=5 * voltage.deskew_uncertainty_s)
    assert current.deskew_s == 0.0


def test_a_zero_then_a_gain_keeps_both(config, shows):
    shows((12.0, 0.25))
    assert run("zero", "--config", config, "--seconds", 1, answers=("", "n")).exit_code == 1
    assert config.read_text() == PROFILE
    shows((12.0, 0.25))
    assert run("zero", "--config", config, "--seconds", 1, answers=("", "y")).exit_code == 0
    assert of(config)[1].offset == pytest.approx(-0.25, abs=1e-3)
    sine = lambda amplitude: lambda t: 0.25 + amplitude * np.sin(314.159265 * t)  # noqa: E731
    shows((sine(10.0), sine(5.0)), (sine(10.0), sine(20.0)))
    answers = ("", 5.5 / 2**0.5, "", 22.0 / 2**0.5)
    assert run("gain", "--config", config, "--seconds", 1, answers=answers).exit_code == 0
    found = of(config)[1]
    assert found.gain == pytest.approx(1.1, rel=1e-3)
    assert found.gain * 0.25 + found.offset == pytest.approx(0.0, abs=2e-3)


@pytest.mark.parametrize("step", ["zero", "gain", "deskew"])
def test_whoever_stops_in_the_middle_changes_nothing(config, monkeypatch, step):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(taking, "make_source", stop)
    done = run(step, "--config", config, answers=("", "", "", ""))
    assert done.exit_code != 0
    assert config.read_text() == PROFILE


def test_whoever_gives_no_answer_changes_nothing(config, shows):
    shows(*itertools.repeat((12.0, 0.0), 3))
    assert run("gain", "--config", config).exit_code != 0
    assert config.read_text() == PROFILE


def test_a_profile_without_a_current_asks_for_the_input(config):
    config.write_text(
        '[instrument]\nkind = "known"\ninputs = [{ input = 1, quantity = "power" }]\n'
    )
    done = run("zero", "--config", config)
    assert isinstance(done.exception, ConfigError)
    assert "--input" in str(done.exception)
