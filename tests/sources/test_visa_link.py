"""A link reads text and blocks exactly, and says what is wrong in one sentence."""

import re
import socket

import numpy as np
import pytest
from sources.scripted import CLOSE, ScriptedInstrument, block

from monitor.errors import ConfigError, ConnectionLostError, ProtocolError
from monitor.sources.visa import VisaLink

IDN = ("*IDN?", "KEYSIGHT")
TIMEOUT_S = 0.3


def test_every_byte_of_a_block_arrives_line_feeds_included():
    every = np.tile(np.arange(256, dtype=np.uint8), 1000)
    with (
        ScriptedInstrument([("D?", block(every.tobytes())), IDN]) as scope,
        VisaLink(scope.visa, 5.0) as link,
    ):
        np.testing.assert_array_equal(link.query_block("D?", "u1"), every)
        assert link.query("*IDN?") == "KEYSIGHT"


def test_words_are_read_in_the_byte_order_that_was_set():
    words = np.array([1, 256, 65535], "<u2")
    with (
        ScriptedInstrument([("D?", block(words.tobytes()))]) as scope,
        VisaLink(scope.visa, 5.0) as link,
    ):
        assert link.query_block("D?", "<u2").tolist() == [1, 256, 65535]


def test_an_empty_block_is_no_error():
    with (
        ScriptedInstrument([("D?", b"#10\n"), IDN]) as scope,
        VisaLink(scope.visa, 5.0) as link,
    ):
        assert link.query_block("D?", "u1").size == 0
        assert link.query("*IDN?") == "KEYSIGHT"


@pytest.mark.parametrize(
    ("reply", "error", "tells"),
    [
        (b"hello\n", ProtocolError, "expected a block .* got b'he'"),
        (b"#0abc\n", ProtocolError, "expected a block .* got b'#0'"),
        (b"#xabc\n", ProtocolError, "got b'#x'"),
        (b"\n\n", ProtocolError, r"got b'\\n\\n'"),
        (b"#3-12abc\n", ProtocolError, "expected the length of a block .* b'-12'"),
        (b"#15abcdefgh\n", ProtocolError, "line feed after the 5 bytes .* got b'f'"),
        (b"#13abc", ConnectionLostError, "line feed after the 3 bytes .* no answer in time"),
        (b"#19abc\n", ConnectionLostError, "block of 9 bytes in reply to 'D\\?'"),
        (b"#", ConnectionLostError, "a block header"),
        (b"#800", ConnectionLostError, "a block length"),
        (b"#15abc" + CLOSE, ConnectionLostError, "block of 5 bytes .* closed by the instrument"),
        (b"#13abc\n", ProtocolError, "items of 2 bytes .* got 3 bytes"),
        (None, ConnectionLostError, "a block header"),
    ],
)
def test_a_hostile_block_is_refused(reply, error, tells):
    with (
        ScriptedInstrument([IDN, ("D?", reply)]) as scope,
        VisaLink(scope.visa, TIMEOUT_S) as link,
    ):
        link.query("*IDN?")
        with pytest.raises(error, match=tells) as caught:
            link.query_block("D?", "<u2")
        assert scope.visa in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "error", "tells"),
    [
        (b"\xff\xfe\n", ProtocolError, "expected text"),
        (b"no end", ConnectionLostError, "a reply to 'Q\\?', got no answer in time"),
        (CLOSE, ConnectionLostError, "a reply to 'Q\\?', got connection closed by the instrument"),
    ],
)
def test_a_hostile_text_is_refused(reply, error, tells):
    with (
        ScriptedInstrument([IDN, ("Q?", reply)]) as scope,
        VisaLink(scope.visa, TIMEOUT_S) as link,
    ):
        link.query("*IDN?")
        with pytest.raises(error, match=tells):
            link.query("Q?")


def test_a_block_is_given_up_when_it_is_not_wanted_any_more():
    wanted = iter([True, True, True, False])  # header, length, 64 KB, and no more
    with (
        ScriptedInstrument([("D?", block(bytes(200_000)))]) as scope,
        VisaLink(scope.visa, 5.0, is_wanted=lambda: next(wanted)) as link,
        pytest.raises(ConnectionLostError, match="being closed"),
    ):
        link.query_block("D?", "u1")


def test_a_short_patience_holds_for_one_query_only():
    with (
        ScriptedInstrument([("A?", None), ("B?", "2")]) as scope,
        VisaLink(scope.visa, 5.0) as link,
    ):
        with pytest.raises(ConnectionLostError):
            link.query("A?", timeout_s=0.05)
        assert link.query("B?") == "2"


def test_an_address_where_nobody_listens_is_told_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        VisaLink(f"TCPIP::127.0.0.1::{port}::SOCKET", 1.0) as link,
        pytest.raises(ConnectionLostError) as caught,
    ):
        link.query("*IDN?")
    assert str(caught.value) == (
        f"no instrument answers at TCPIP::127.0.0.1::{port}::SOCKET: connection refused; check the"
        " address, the cable and that remote control is switched on at the instrument"
    )


@pytest.mark.parametrize("address", ["scope", "TCPIP::::SOCKET", "", "GPIB0::7::INSTR"])
def test_what_is_no_usable_address_is_told_with_an_example(address):
    with pytest.raises(ConfigError, match=re.escape("TCPIP::192.168.1.20::5025::SOCKET")) as caught:
        VisaLink(address, 1.0).open()
    assert "\n" not in str(caught.value)


def test_a_link_that_was_closed_says_so():
    with ScriptedInstrument([]) as scope:
        with VisaLink(scope.visa, 1.0) as link:
            pass
        link.close()
        with pytest.raises(ConnectionLostError, match="is not connected"):
            link.query("*IDN?")


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
def test_a_timeout_must_be_positive(timeout_s):
    with pytest.raises(ConfigError, match="timeout_s"):
        VisaLink("TCPIP::127.0.0.1::1::SOCKET", timeout_s)
