"""What hosts tell becomes readings by our clock; what cannot be is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MarkerError
from monitor.markers.clock import same
from monitor.markers.telemetry import Telemetry, decode_sensors, decode_values
from monitor.model import NS, Edge, Marker, Reading

NOW_NS = 1_700_000_000 * NS
SENSOR = {
    "name": "GPU 0 power, NVML 1 s average", "device": "NVIDIA H100 GPU-1", "unit": "W",
    "interval_s": 0.1, "window_s": 1.0, "note": "mean of the last second, by the driver",
}  # fmt: skip
COMMON = {"schema": 1, "run_id": "run", "sender": "s1"}
SENSORS = {**COMMON, "host": "gpu1", "sensors": [SENSOR], "notes": []}


def sensors(**changed):
    return decode_sensors(json.dumps({**SENSORS, **changed}).encode())


def values(*values, **changed):
    return decode_values(json.dumps({**COMMON, "values": values, **changed}).encode())


def compared(ahead_ns, at_ns=NOW_NS, sender="s1"):
    """A question and its answer: the sender's clock is ahead by this, and 1 ms there and back."""
    half = 500_000
    times = (at_ns, at_ns + half + ahead_ns, at_ns + half + ahead_ns, at_ns + 2 * half)
    names = ("t0_ns", "t1_ns", "t2_ns", "t3_ns")
    return Marker(
        time_ns=times[1], received_ns=times[3], stage="clock", edge=Edge.INSTANT, run_id="run",
        sender=sender, attrs=dict(zip(names, times, strict=True)),
    )  # fmt: skip


def known():
    """Return telemetry that knows the sensor and the clock of s1, which is ours."""
    telemetry = Telemetry()
    ((channel,),) = telemetry.know(sensors(), NOW_NS)
    assert list(telemetry.compare(same("run", "s1", NOW_NS), NOW_NS)) == []
    return telemetry, channel


def test_a_value_becomes_a_reading_that_says_what_it_is():
    telemetry, channel = known()
    (reading,) = telemetry.take(values([0, NOW_NS - 5, 312.5]), NOW_NS)
    assert reading == Reading(channel=channel, time_ns=NOW_NS - 5, received_ns=NOW_NS, value=312.5)
    assert (channel.name, channel.unit, channel.window_s) == (SENSOR["name"], "W", 1.0)
    assert channel.source == "NVIDIA H100 GPU-1, gpu1"
    assert channel.note == SENSOR["note"]


def test_values_wait_for_the_senders_clock_and_are_placed_by_it():
    telemetry = Telemetry()
    list(telemetry.know(sensors(), NOW_NS))
    ahead_ns = 3 * NS
    assert list(telemetry.take(values([0, NOW_NS + ahead_ns, 1.0]), NOW_NS)) == []
    (first,) = telemetry.compare(compared(ahead_ns), NOW_NS)
    (second,) = telemetry.take(values([0, NOW_NS + ahead_ns + 100, 2.0]), NOW_NS)
    assert abs(first.time_ns - NOW_NS) <= 500_000
    assert second.time_ns == first.time_ns + 100


def test_a_sender_without_a_clock_is_taken_at_its_word_after_a_while():
    telemetry = Telemetry()
    list(telemetry.know(sensors(), NOW_NS))
    assert list(telemetry.take(values([0, NOW_NS, 1.0]), NOW_NS)) == []
    later_ns = NOW_NS + 4 * NS
    told = list(telemetry.take(values([0, NOW_NS + 9, 2.0]), later_ns))
    assert [(reading.time_ns, reading.value) for reading in told] == [
        (NOW_NS, 1.0),
        (NOW_NS + 9, 2.0),
    ]


def test_what_waits_when_a_sender_ends_is_not_lost():
    telemetry = Telemetry()
    list(telemetry.know(sensors(), NOW_NS))
    list(telemetry.take(values([0, NOW_NS, 1.0]), NOW_NS))
    assert [reading.value for reading in telemetry.end("run", "s1", NOW_NS)] == [1.0]
    with pytest.raises(MarkerError, match="told of no sensors"):
        list(telemetry.take(values([0, NOW_NS, 1.0]), NOW_NS))


def test_of_two_that_tell_the_same_one_is_believed_until_it_falls_silent():
    telemetry, _ = known()
    list(telemetry.know(sensors(sender="s2"), NOW_NS))
    list(telemetry.compare(same("run", "s2", NOW_NS), NOW_NS))
    assert len(list(telemetry.take(values([0, NOW_NS, 1.0]), NOW_NS))) == 1
    second = values([0, NOW_NS, 2.0], sender="s2")
    assert list(telemetry.take(second, NOW_NS + NS)) == []
    assert len(list(telemetry.take(second, NOW_NS + 6 * NS))) == 1


def test_what_a_host_cannot_tell_is_said_once_also_by_the_next_run():
    telemetry = Telemetry()
    note = "no GPU telemetry: pynvml is not installed"
    (event,) = telemetry.know(sensors(sensors=[], notes=[note]), NOW_NS)
    assert (event.stage, event.attrs["text"]) == ("event", f"gpu1: {note}")
    assert list(telemetry.know(sensors(sensors=[], notes=[note], sender="s2"), NOW_NS)) == []


def test_what_nobody_can_have_measured_now_is_refused():
    telemetry, _ = known()
    for time_ns in (NOW_NS - 3700 * NS, NOW_NS + 3700 * NS, 1):
        with pytest.raises(MarkerError, match="set the clock of its host"):
            list(telemetry.take(values([0, time_ns, 1.0]), NOW_NS))
    with pytest.raises(MarkerError, match="one of 1 sensors, got 1"):
        list(telemetry.take(values([1, NOW_NS, 1.0]), NOW_NS))


def test_more_senders_than_can_be_are_refused():
    telemetry = Telemetry()
    for k in range(200):
        list(telemetry.know(sensors(sender=f"s{k}"), NOW_NS))
    with pytest.raises(MarkerError, match="at most 200 senders"):
        list(telemetry.know(sensors(sender="one more"), NOW_NS))
    list(telemetry.know(sensors(sender="s7"), NOW_NS))


def test_more_channels_than_can_be_are_refused():
    telemetry = Telemetry()
    for k in range(4):
        list(telemetry.know(many(512, k), NOW_NS))
    with pytest.raises(MarkerError, match="2048 channels"):
        list(telemetry.know(many(1, 4), NOW_NS))


def many(n, k):
    """Return the sensors of sender ``k``, all of them others."""
    each = {"unit": "W", "interval_s": 1.0}
    return sensors(sensors=[{**each, "name": f"{k}.{i}"} for i in range(n)], sender=f"s{k}")


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": 2},
        {"sender": ""},
        {"sensors": [{**SENSOR, "interval_s": 0}]},
        {"sensors": [{**SENSOR, "interval_s": -1}]},
        {"sensors": [{**SENSOR, "window_s": 1e9}]},
        {"sensors": [{**SENSOR, "name": ""}]},
        {"sensors": [{**SENSOR, "name": "\x1b[2J"}]},
        {"sensors": [{**SENSOR, "unit": "W" * 11}]},
        {"sensors": [SENSOR] * 513},
        {"sensors": {}},
        {"notes": ["a\nb"]},
        {"host": "\u202e"},
    ],
)
def test_sensors_that_are_hostile_are_refused(changed):
    with pytest.raises(MarkerError, match="telemetry: "):
        sensors(**changed)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b" " * 65_537,
        json.dumps({**COMMON, "values": [[0, NOW_NS, float("nan")]]}).encode(),
        json.dumps({**COMMON, "values": [[0, NOW_NS, float("inf")]]}).encode(),
        b'{"schema":1,"run_id":"r","sender":"s","values":[[0,5,1e999]]}',
        json.dumps({**COMMON, "values": [[0, NOW_NS, 1e300]]}).encode(),
        json.dumps({**COMMON, "values": [[-1, NOW_NS, 1.0]]}).encode(),
        json.dumps({**COMMON, "values": [[0, 2**63, 1.0]]}).encode(),
        json.dumps({**COMMON, "values": [[0, NOW_NS]]}).encode(),
        json.dumps({**COMMON, "values": [[0, NOW_NS, "1"]]}).encode(),
        json.dumps({**COMMON, "values": [[0, NOW_NS, 1.0]] * 2001}).encode(),
    ],
)
def test_values_that_are_hostile_are_refused(payload):
    with pytest.raises(MarkerError, match="telemetry: "):
        decode_values(payload)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([*SENSORS, "values", *SENSOR]), inner, max_size=6),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_nothing_that_comes_does_more_than_be_refused(payload):
    telemetry, _ = known()
    for decode, take in ((decode_sensors, telemetry.know), (decode_values, telemetry.take)):
        try:
            list(take(decode(payload), NOW_NS))
        except MarkerError:
            continue
