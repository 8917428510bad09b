"""What plugs say is understood, whoever made them; anything else is a ValueError."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.meters.report import understand

TASMOTA = {
    "Time": "2026-03-01T12:00:00",
    "ENERGY": {"Total": 3.185, "Power": 247, "ApparentPower": 260, "Factor": 0.95,
               "Voltage": 231, "Current": 1.126},
}  # fmt: skip
SHELLY = {"id": 0, "output": True, "apower": 98.4, "voltage": 231.5, "current": 0.452}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["ENERGY", "Power", "Voltage", "StatusSNS", "params", "switch:0", "apower",
                         "act_power", "x"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
BELOW = st.sampled_from(
    ["SENSOR", "STATUS8", "LWT", "online", "relay/0/power", "status/switch:0", "events/rpc", "x"]
)


def said(below, value, component=0):
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return understand(below, payload, component)


@pytest.mark.parametrize(
    ("below", "value", "expected"),
    [
        ("SENSOR", TASMOTA, {"power": 247.0, "voltage": 231.0, "current": 1.126}),
        ("STATUS8", {"StatusSNS": TASMOTA}, {"power": 247.0, "voltage": 231.0, "current": 1.126}),
        ("SENSOR", {"Time": "x", "AM2301": {"Temperature": 21.5}}, None),
        ("status/switch:0", SHELLY, {"power": 98.4, "voltage": 231.5, "current": 0.452}),
        ("status/switch:1", SHELLY, None),
        ("status/pm1:0", SHELLY, {"power": 98.4, "voltage": 231.5, "current": 0.452}),
        ("status/em1:0", {"act_power": 501.8, "pf": 0.8}, {"power": 501.8}),
        ("status/switch:0", {"id": 0, "output": False}, None),
        ("events/rpc", {"method": "NotifyStatus", "params": {"ts": 1, "switch:0": SHELLY}},
         {"power": 98.4, "voltage": 231.5, "current": 0.452}),
        ("events/rpc", {"method": "NotifyStatus", "params": {"ts": 1, "wifi": {}}}, None),
        ("relay/0/power", b"35.04", {"power": 35.04}),
        ("emeter/0/voltage", b"231.2", {"voltage": 231.2}),
        ("relay/0/energy", b"12", None),
        ("relay/0", b"on", None),
        ("LWT", b"Online", True), ("LWT", b"Offline", False),
        ("online", b"true", True), ("online", b"false", False),
        ("anything", b"\xff", None),
    ],
)  # fmt: skip
def test_a_report_is_understood(below, value, expected):
    assert said(below, value) == expected


def test_the_component_that_was_asked_for_is_taken():
    two = {"ENERGY": {"Power": [10, 20], "Voltage": 230, "Current": [0.1, 0.2]}}
    assert said("SENSOR", two, 1) == {"power": 20.0, "voltage": 230.0, "current": 0.2}
    assert said("relay/1/power", b"5", 1) == {"power": 5.0}
    assert said("status/switch:1", SHELLY, 1)["power"] == 98.4


def test_no_value_is_an_error_value():
    assert math.isnan(said("status/switch:0", {"apower": None})["power"])
    assert math.isnan(said("relay/0/power", b"nan")["power"])


@pytest.mark.parametrize(
    ("below", "payload"),
    [
        ("SENSOR", b"{"), ("SENSOR", b"[]"), ("SENSOR", b"\xff\xfe"), ("SENSOR", b""),
        ("SENSOR", b'{"ENERGY": 3}'), ("SENSOR", b'{"ENERGY": {"Power": "much"}}'),
        ("SENSOR", b'{"ENERGY": {"Power": true}}'), ("SENSOR", b'{"ENERGY": {"Power": []}}'),
        ("SENSOR", b'{"ENERGY": {"Power": 1' + b"0" * 400 + b"}}"),
        ("SENSOR", b'{"x": "' + b"y" * 70_000 + b'"}'),
        ("relay/0/power", b"12 W"), ("relay/0/power", b""), ("LWT", b"maybe"),
        ("events/rpc", b'{"params": []}'), ("events/rpc", b'{"params": {"switch:0": 1}}'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_value_error(below, payload):
    with pytest.raises(ValueError, match=r"expected|could not convert|decode"):
        understand(below, payload, 0)


@given(BELOW, JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40))
def test_nothing_that_comes_from_a_network_does_worse_than_that(below, payload):
    try:
        report = understand(below, payload, 0)
    except ValueError:
        return
    if report is not None and not isinstance(report, bool):
        assert set(report) <= {"power", "voltage", "current"}
        assert all(isinstance(value, float) for value in report.values())
