"""How to be let in by a broker: the URL counts, then the settings, then the environment."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import MarkerSettings, MeterSettings, Settings, load
from monitor.engine.assemble import described
from monitor.errors import ConfigError
from monitor.masking import masked
from monitor.mqtt.address import PASSWORD, by_environment, reach


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for name in (PASSWORD, "WATTSTAGE_CA", "WATTSTAGE_CERT", "WATTSTAGE_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def password_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("from the file\n")
    file.chmod(0o600)
    return str(file)


def login(url, **settings):
    found = reach(url, MarkerSettings(**settings))
    return found.user, found.password


def test_the_url_counts_then_the_settings_then_the_environment(password_file, monkeypatch):
    monkeypatch.setenv(PASSWORD, "from the environment")
    settings = {"user": "me", "password_file": password_file}
    assert login("mqtt://me:url@lab", **settings) == ("me", "url")
    assert login("mqtt://me@lab", **settings) == ("me", "from the file")
    assert login("mqtt://lab", **settings) == ("me", "from the file")
    assert login("mqtt://lab", user="me") == ("me", "from the environment")
    assert login("mqtt://me@lab") == ("me", "from the environment")


def test_nobody_gets_the_password_of_another(password_file, monkeypatch):
    monkeypatch.setenv(PASSWORD, "from the environment")
    assert login("mqtt://lab") == (None, None)
    assert login("mqtt://you@lab", user="me", password_file=password_file) == (
        "you",
        "from the environment",
    )


def test_files_come_from_the_settings_or_else_from_the_environment(monkeypatch):
    for name in ("CA", "CERT", "KEY"):
        monkeypatch.setenv(f"WATTSTAGE_{name}", f"env.{name.lower()}")
    found = reach("mqtts://lab", MarkerSettings(ca="our.ca"))
    assert (found.ca, found.certificate, found.key) == (
        Path("our.ca"),
        Path("env.cert"),
        Path("env.key"),
    )
    found = reach("mqtts://lab", MarkerSettings(certificate="both.pem"))
    assert (found.certificate, found.key) == (Path("both.pem"), None)
    assert reach("mqtt://lab").ca is None


def test_files_without_tls_are_a_mistake():
    with pytest.raises(ConfigError, match="expected mqtts:// since ca and key are given"):
        reach("mqtt://lab", MarkerSettings(ca="a", key="b"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "got nothing"),
        (b"\xff", "other bytes"),
        (b"a\nb\n", "got several lines"),
    ],
)
def test_a_password_file_that_is_none_is_told(tmp_path, content, said):
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as refused:
        reach("mqtt://me@lab", MarkerSettings(password_file=str(file)))
    assert str(file) in str(refused.value)


def test_a_password_file_needs_a_user(password_file):
    with pytest.raises(ConfigError, match="expected a user beside password_file"):
        reach("mqtt://lab", MarkerSettings(password_file=password_file))


def test_a_password_file_that_others_can_read_is_told(password_file, caplog):
    login("mqtt://me@lab", password_file=password_file)
    assert not caplog.records
    Path(password_file).chmod(0o644)
    login("mqtt://me@lab", password_file=password_file)
    assert "can be read by others; chmod 600 it" in caplog.text


def test_the_embedded_broker_takes_no_password_and_says_what_does(tmp_path):
    profile = tmp_path / "lab.toml"
    profile.write_text('[instrument]\naddress = "x"\n[markers]\nuser = "me"\n')
    with pytest.raises(ConfigError, match=r"markers\.user .*for this machine alone.*mosquitto"):
        load(profile)


def test_a_meter_without_a_broker_takes_none_either(tmp_path):
    profile = tmp_path / "lab.toml"
    profile.write_text('[[meters]]\nkind = "scpi"\naddress = "x"\nca = "c"\n')
    with pytest.raises(ConfigError, match="ca is for a broker, and only kind plug has one"):
        load(profile)


@pytest.mark.parametrize(
    "password", ["secret", "sec@ret", "secret%40@", "se:cr:et", 'se"cret', "se'c<r>et"]
)
def test_no_password_is_left_where_settings_are_stored(password):
    url = f"mqtts://me:{password}@lab:8883"
    plug = MeterSettings(kind="plug", address=f"{url}/shellies/plug")
    text = described(Settings(meters=(plug,), markers=MarkerSettings(broker=url)))
    assert password not in json.loads(text)["markers"]["broker"]
    profile = json.loads(text)
    assert profile["markers"]["broker"] == "mqtts://lab:8883"
    assert profile["meters"][0]["address"] == "mqtts://lab:8883/shellies/plug"


@given(
    password=st.text(st.characters(codec="utf-8", exclude_categories=["Z", "Cc"]), min_size=1),
    host=st.sampled_from(["lab", "[::1]:1", "lab/a/topic"]),
)
def test_no_text_keeps_a_password_whatever_it_is_made_of(password, host):
    assert masked(f"at mqtts://me:{password}@{host} and on") == f"at mqtts://{host} and on"


def test_texts_without_a_login_stay_as_they_are():
    for text in ("mail me@lab", "http://lab/a@b", "mqtt://lab:1883", '{"a": "x://y", "b": "@"}'):
        assert masked(text) == text


@pytest.mark.parametrize(
    ("url", "left", "password"),
    [
        ("mqtt://lab", "mqtt://lab", None),
        ("mqtt://me@lab:1", "mqtt://me@lab:1", None),
        ("mqtts://m%40e:s%2Fe@[::1]:1", "mqtts://m%40e@[::1]:1", "s/e"),
        ("mqtt://me:se@cret@lab", "mqtt://me@lab", "se@cret"),
        ("embedded", "embedded", None),
        ("mqtt://[::1", "mqtt://[::1", None),
    ],
)
def test_a_password_in_a_url_moves_to_the_environment(url, left, password, monkeypatch):
    monkeypatch.setenv(PASSWORD, "to be undone")
    monkeypatch.delenv(PASSWORD)
    assert by_environment(url) == left
    assert os.environ.get(PASSWORD) == password


@pytest.mark.parametrize(
    ("url", "is_exposed"),
    [
        ("mqtt://me:x@lab", True),
        ("mqtt://me@lab", False),
        ("mqtts://me:x@lab", False),
        ("mqtt://me:x@localhost", False),
        ("mqtt://me:x@127.0.0.2", False),
        ("mqtt://me:x@[::1]", False),
    ],
)
def test_a_password_is_exposed_on_a_network_without_tls(url, is_exposed):
    assert reach(url).is_exposed is is_exposed
