"""A profile explains itself, reads back as it was meant, and never replaces another unasked."""

import contextlib
import dataclasses
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from setup.conftest import inputs

from monitor.config import (
    InputSettings,
    InstrumentSettings,
    MeterSettings,
    QuerySettings,
    Settings,
    load,
)
from monitor.errors import ConfigError
from monitor.model import Calibration, Quantity, Supply
from monitor.setup.plan import meters
from monitor.setup.presets import PRESETS, fitted, probe
from monitor.setup.profile import render, write
from monitor.sources.inspect import InputState

INSTRUMENT = InstrumentSettings(
    address="TCPIP::127.0.0.1::5025::SOCKET",
    dialect="keysight",
    record_s=0.1,
    supply=Supply.MAINS,
    inputs=inputs(ratio=10.0),
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
positive = st.floats(1e-9, 1e9)


@st.composite
def profiles(draw):
    calibration = Calibration(
        gain=draw(positive), offset=draw(st.floats(-1e6, 1e6)), note=draw(texts)
    )
    voltage, current = inputs(draw(st.integers(1, 4)), draw(st.integers(5, 8)))
    voltage = InputSettings(
        input=voltage.input,
        quantity=Quantity.VOLTAGE,
        name=draw(texts),
        note=draw(texts),
        calibration=calibration,
        probe_factor=draw(st.none() | positive),
    )
    meter = MeterSettings(
        kind="scpi",
        address=draw(texts),
        setup=tuple(draw(st.lists(texts, max_size=2))),
        queries=(QuerySettings(name=draw(texts), query="Q?", unit="W", invalid=(-1.0, 2.5)),),
    )
    instrument = InstrumentSettings(
        address=draw(texts.filter(bool)),
        record_s=draw(st.none() | positive),
        options=draw(st.dictionaries(texts, texts | st.booleans() | positive, max_size=3)),
        inputs=(voltage, current),
    )
    return Settings(instrument=instrument, meters=(meter,) if draw(st.booleans()) else ())


@settings(max_examples=60)
@given(profile=profiles())
def test_a_profile_reads_back_as_it_was_meant(tmp_path_factory, profile):
    path = tmp_path_factory.getbasetemp() / "profile.toml"
    write(path, profile, "Heading.", overwrite=True)
    assert load(path) == profile


def test_each_line_of_a_profile_is_explained():
    lines = render(Settings(instrument=INSTRUMENT), "Of a scope.\nRecord with it.").splitlines()
    assert lines[:2] == ["# Of a scope.", "# Record with it."]
    for k, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[k - 1].startswith("#"), line
        assert len(line) <= 100


def test_what_has_its_default_is_left_out():
    text = render(Settings(instrument=INSTRUMENT))
    assert "timeout_s" not in text
    assert "[metrics]" not in text
    assert tomllib.loads(text)["instrument"]["inputs"][1]["ratio"] == 10.0


def test_a_file_that_exists_is_left_alone_unless_told(tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="left as it is"):
        write(path, Settings(instrument=INSTRUMENT))
    assert path.read_text() == "mine"
    write(path, Settings(instrument=INSTRUMENT), overwrite=True)
    assert load(path).instrument == INSTRUMENT
    assert [item.name for item in tmp_path.iterdir()] == ["profile.toml"]


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file or directory"):
        write(tmp_path / "none" / "profile.toml", Settings(instrument=INSTRUMENT))


def test_settings_that_make_no_sense_are_never_written(tmp_path):
    wrong = Settings(instrument=InstrumentSettings(address=""))
    with pytest.raises(ConfigError, match="address is missing"):
        write(tmp_path / "profile.toml", wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "quantity", "ratio"),
    [
        ("10X", Quantity.VOLTAGE, 10.0),
        ("x10", Quantity.VOLTAGE, 10.0),
        ("200:1", Quantity.VOLTAGE, 200.0),
        ("100mV/A", Quantity.CURRENT, 10.0),
        ("10 mV / A", Quantity.CURRENT, 100.0),
        ("0.1V/A", Quantity.CURRENT, 10.0),
        ("12.5A/V", Quantity.CURRENT, 12.5),
        ("1mOhm*50", Quantity.CURRENT, 20.0),
        ("shunt 2 mΩ × 20", Quantity.CURRENT, 25.0),
        ("0.5Ohm", Quantity.CURRENT, 2.0),
    ],
)
def test_a_probe_is_named_by_its_numbers(text, quantity, ratio):
    assert probe(text, quantity).ratio == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("", Quantity.VOLTAGE),
        ("100mV/A", Quantity.VOLTAGE),
        ("10X", Quantity.CURRENT),
        ("0mV/A", Quantity.CURRENT),
        ("-5A/V", Quantity.CURRENT),
        ("1e99A/V", Quantity.CURRENT),
    ],
)
def test_what_is_no_probe_is_refused_with_an_example(text, quantity):
    with pytest.raises(ConfigError, match=r"expected e\.g\."):
        probe(text, quantity)


@given(st.text(max_size=20), st.sampled_from([Quantity.VOLTAGE, Quantity.CURRENT]))
def test_a_probe_is_one_or_a_sentence(text, quantity):
    with contextlib.suppress(ConfigError):
        assert probe(text, quantity).ratio > 0


def test_every_preset_is_found_by_its_id():
    assert all(probe(preset.id, preset.quantity) is preset for preset in PRESETS)


STATE = InputState(2, True, "V", 1.0, "DC", 10.0, 0.0)


def test_where_the_scope_shows_volts_the_clamp_is_a_ratio():
    clamp = probe("100mV/A", Quantity.CURRENT)
    item = fitted(Quantity.CURRENT, STATE, preset=clamp)
    assert (item.reports, item.ratio, item.probe_factor) == ("volts", 10.0, None)
    turned = fitted(Quantity.CURRENT, STATE, preset=clamp, is_reversed=True)
    assert turned.ratio == -10.0


def test_where_the_scope_shows_amperes_the_clamp_is_its_factor():
    state = dataclasses.replace(STATE, unit="A", probe_factor=10.0)
    item = fitted(Quantity.CURRENT, state, preset=probe("100mV/A", Quantity.CURRENT))
    assert (item.reports, item.ratio, item.probe_factor) == ("unit", 1.0, 10.0)
    assert fitted(Quantity.CURRENT, state).probe_factor == 10.0


def test_a_voltage_probe_is_at_the_scope_or_in_the_settings_never_in_both():
    ten = probe("10X", Quantity.VOLTAGE)
    item = fitted(Quantity.VOLTAGE, STATE, preset=ten)
    assert (item.reports, item.ratio) == ("volts", 10.0)
    set_there = dataclasses.replace(STATE, probe_factor=10.0)
    item = fitted(Quantity.VOLTAGE, set_there, preset=ten)
    assert (item.reports, item.ratio, item.probe_factor) == ("unit", 1.0, 10.0)


def test_volts_of_a_current_without_a_clamp_are_refused():
    with pytest.raises(ConfigError, match="name the clamp"):
        fitted(Quantity.CURRENT, STATE)


def test_an_input_that_is_off_is_left_to_the_findings():
    off = dataclasses.replace(STATE, shown=False)
    assert fitted(Quantity.CURRENT, off).reports == "unit"


@pytest.mark.parametrize(
    ("word", "said"),
    [("tea=1", "expected KIND=ADDRESS"), ("plug=", "no address"), ("scpi=X", "its queries")],
)
def test_what_is_no_meter_is_refused(word, said):
    with pytest.raises(ConfigError, match=said):
        meters([word])


def test_meters_are_named_by_kind_and_address():
    (meter,) = meters(["plug=mqtt://127.0.0.1/a=b"])
    assert (meter.kind, meter.address) == ("plug", "mqtt://127.0.0.1/a=b")


@pytest.mark.parametrize(
    ("address", "mode"), [("mqtt://lab/plug", 0o644), ("mqtt://me:secret@lab/plug", 0o600)]
)
def test_only_its_owner_reads_a_profile_with_a_password(tmp_path, address, mode):
    path = tmp_path / "lab.toml"
    plug = MeterSettings(kind="plug", address=address)
    write(path, Settings(instrument=INSTRUMENT, meters=(plug,)))
    assert path.stat().st_mode & 0o777 == mode
