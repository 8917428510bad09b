"""What the doctor says of an instrument, with the numbers that it says it from."""

import datetime
from dataclasses import replace

import numpy as np
import pytest
from fakes import ListSource, dc_block
from hypothesis import given
from hypothesis import strategies as st
from lab import bench

from monitor.calibration import taking
from monitor.config import InputSettings, InstrumentSettings
from monitor.doctor import instrument
from monitor.doctor.instrument import Flow, noise_w, zero
from monitor.model import Calibration, Quantity, Supply

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 10))
def test_noise_is_found_under_any_level_slope_and_steps(seed, sigma):
    rng = np.random.default_rng(seed)
    load = 400 + 100 * np.sin(np.arange(20_000) / 500) + 200 * (np.arange(20_000) > 7000)
    powers = [load + rng.normal(0, sigma, 20_000), load[:5000] + rng.normal(0, sigma, 5000)]
    assert noise_w(powers) == pytest.approx(sigma, rel=0.05)


def clamp(**calibration):
    return InputSettings(input=2, quantity=Quantity.CURRENT, calibration=Calibration(**calibration))


@pytest.mark.parametrize(
    ("item", "volts", "level", "words"),
    [
        (clamp(), 12.0, "warn", "never zeroed; a zero that is off by 50.0 mA makes 600 mW"),
        (clamp(), 0.001, "ok", "makes 50.0 µW"),
        (clamp(offset=-0.053, offset_uncertainty=0.002, date="2026-11-20"), 12.0, "ok",
         "offset −53.0 mA ± 2.0 mA, ± 24.0 mW at the mean voltage, zeroed 3 days ago"),
        (clamp(offset=-0.05, date="2026-10-24T00:00+00:00"), 12.0, "warn", "zeroed 30 days ago"),
        (clamp(offset=-0.05, date="last week"), 12.0, "warn", "nobody knows when"),
    ],
)  # fmt: skip
def test_the_zero_of_a_clamp_is_judged_by_what_it_costs_and_its_age(item, volts, level, words):
    line = zero(item, volts, 300.0, NOW)
    assert line.level == level
    assert words in line.what
    assert bool(line.fix) is (level == "warn")


def test_the_flow_that_a_profile_lets_expect():
    settings = InstrumentSettings(address="x", sample_rate_hz=1e6, format="BYTE")
    assert instrument.expected_flow(settings).bytes_per_s == 2e6
    assert instrument.expected_flow(None).bytes_per_s == 400e3


def examined(visa, **changes):
    settings = {"record_s": 0.1, "sample_rate_hz": 50e3} | changes
    flow = Flow(0.0)
    lines = list(instrument.examine(InstrumentSettings(address=visa, **settings), 0.5, flow))
    return {line.id: line for line in lines}, flow


def test_a_good_bench_is_told_with_numbers():
    with bench("--dead-time", 0.1, "--start-delay", 60) as visa:
        found, flow = examined(visa)
    assert not {line.id for line in found.values() if line.level == "fail"}
    assert found["rate"].value == 50e3
    assert "as asked for" in found["rate"].what
    assert 0.25 < found["coverage"].value < 0.55
    assert found["clipping"].value == 0
    assert found["power"].value > 10
    assert 0 < found["noise"].value < 1
    assert 0.25 < flow.bytes_per_s / 200e3 < 0.55
    for name in ("coverage", "power", "noise"):
        assert " over " in found[name].what or "(over" in found[name].what


@pytest.mark.parametrize(
    ("mistake", "which", "words"),
    [
        ("clamp-reversed", "clamp-reversed", "turn the clamp round"),
        ("probe-10x", "probe-factor", "factor"),
        ("ac-coupled", "ac-coupled", "COUPling DC"),
        ("wrong-channel", "switched-off", "another input"),
        ("short-record", "record-too-short", "record_s = 0.1"),
    ],
)
def test_each_mistake_of_a_new_user_is_named_with_what_to_do(mistake, which, words):
    changes = {"record_s": None, "sample_rate_hz": None} if mistake == "short-record" else {}
    with bench("--mistake", mistake) as visa:
        found, _ = examined(visa, **changes)
    assert found[which].level == "fail"
    assert words in found[which].fix


def test_what_is_known_of_a_reversed_clamp_is_not_explained_in_another_way():
    with bench("--mistake", "clamp-reversed") as visa:
        found, _ = examined(visa)
    assert (found["power"].level, found["power"].fix) == ("warn", "")


def test_a_record_too_short_for_mains_is_told_once_and_measured_for_no_longer_than_it_may():
    with bench("--dead-time", 0.05) as visa:
        settings = InstrumentSettings(address=visa, record_s=0.005, supply=Supply.MAINS)
        lines = list(instrument.examine(settings, 0.5, Flow(0.0)))
    assert [line.id for line in lines if line.level == "fail"] == ["record-too-short"]
    (coverage,) = (line for line in lines if line.id == "coverage")
    n_records = int(coverage.what.partition(" records")[0].split()[-1])
    assert 1 <= n_records <= 20  # 100 are half a second


def test_an_instrument_that_is_not_there_is_one_line():
    found, _ = examined("TCPIP::127.0.0.1::1::SOCKET")
    assert found.keys() == {"instrument"}
    assert found["instrument"].level == "fail"
    assert "check the address" in found["instrument"].fix


def test_the_source_of_a_package_is_looked_at_too(monkeypatch):
    blocks = [dc_block(1000 * k, 120.0) for k in range(10)]
    blocks[5] = replace(blocks[5], clipped=(0, 100))
    monkeypatch.setattr(taking, "make_source", lambda *_: ListSource(blocks))
    settings = InstrumentSettings(kind="mine")
    found = {line.id: line for line in instrument.examine(settings, 1.0, Flow(0.0))}
    assert found["instrument"].what == "source 'mine' delivers"
    assert found["power"].value == pytest.approx(120.0, rel=1e-3)
    assert (found["coverage"].value, found["coverage"].level) == (1.0, "ok")
    assert (found["clipping"].value, found["clipping"].level) == (0.01, "fail")


def test_calibration_is_in_the_power(monkeypatch):
    blocks = [dc_block(1000 * k, 120.0) for k in range(10)]
    monkeypatch.setattr(taking, "make_source", lambda *_: ListSource(blocks))
    inputs = (InputSettings(input=1, quantity=Quantity.VOLTAGE), clamp(gain=1.5, offset=-1.0))
    settings = InstrumentSettings(kind="mine", inputs=inputs)
    found = {line.id: line for line in instrument.examine(settings, 1.0, Flow(0.0))}
    assert found["power"].value == pytest.approx(12.0 * (1.5 * 10.0 - 1.0), rel=1e-4)
