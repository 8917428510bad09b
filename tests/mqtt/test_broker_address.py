"""Broker addresses: what is understood, and what is said of the rest."""

import pytest

from monitor.errors import ConfigError
from monitor.mqtt.address import Address, parse


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://lab", Address("lab", 1883)),
        ("mqtt://lab:1884/", Address("lab", 1884)),
        ("mqtts://lab", Address("lab", 8883, tls=True)),
        ("mqtt://[::1]:99", Address("::1", 99)),
        ("mqtt://me:p%40ss@lab", Address("lab", 1883, user="me", password="p@ss")),
        ("mqtt://me@lab", Address("lab", 1883, user="me")),
    ],
)
def test_an_address_is_understood(url, expected):
    assert parse(url) == expected


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("", "no scheme"),
        ("lab", "no scheme"),
        ("lab:1883", "scheme 'lab'"),
        ("http://lab", "scheme 'http'"),
        ("mqtt://", "no host"),
        ("mqtt://:1883", "no host"),
        ("mqtt://la b", "white space"),
        (" mqtt://lab", "white space"),
        ("mqtt://lab:port", "a port that is no number"),
        ("mqtt://lab:0", "port 0"),
        ("mqtt://lab:70000", "no number from 1 to 65535"),
        ("mqtt://[::1", "IPv6"),
        ("mqtt://lab/topic", "after the port"),
        ("mqtt://lab?x=1", "after the port"),
        ("mqtt://:secret@lab", "without a user"),
    ],
)
def test_a_wrong_address_is_told_with_what_was_expected(url, got):
    with pytest.raises(ConfigError, match=r"expected mqtt://\[USER:PASSWORD@\]HOST") as refused:
        parse(url)
    assert got in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://me:secret@lab:x",
        "http://me:secret@lab",
        "mqtt://me:a/secret@lab",
        "mqtt://me:secret/a@lab",
        "mqtt://me:12/secret@lab",
        "mqtt://me:a secret@lab",
        "mqtt://me:secret a@lab",
        "mqtt://me:?secret@lab",
        'mqtt://me:"secret@lab:x',
    ],
)
def test_no_message_repeats_a_password(url):
    with pytest.raises(ConfigError) as refused:
        parse(url)
    assert "secret" not in str(refused.value)


def test_an_address_shows_no_password():
    address = parse("mqtts://me:secret@lab")
    assert str(address) == "mqtts://lab:8883"
    assert "secret" not in repr(address)


def test_an_address_as_text_is_an_address():
    for url in ("mqtt://lab:1883", "mqtts://[::1]:8883"):
        assert str(parse(url)) == url
