"""The payload is checked field by field, and nothing that comes can do more than be refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MarkerError
from monitor.markers.payload import MAX_BYTES, decode, encode
from monitor.model import Edge, Marker

POINT = {"schema": 1, "run_id": "r", "seq": 7, "event": "point", "stage": "note", "ts_ns": 5}

_names = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=200).filter(
    str.isprintable
)
_counts = st.integers(0, 2**63 - 1)
_scalars = st.one_of(
    st.text(max_size=1000),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
_markers = st.builds(
    Marker,
    time_ns=st.integers(1, 2**63 - 1),
    stage=_names,
    edge=st.sampled_from(Edge),
    received_ns=_counts,
    run_id=_names,
    span_id=_names,
    parent_id=st.one_of(st.just(""), _names),
    seq=_counts,
    rank=st.integers(0, 1000),
    index=st.one_of(st.none(), _counts),
    total=st.one_of(st.none(), _counts),
    timing=st.sampled_from(["sync", "event", "host", "log", "hand"]),
    attrs=st.dictionaries(_names.map(lambda name: name[:100]), _scalars, max_size=10),
)


def refusal(payload: bytes | dict) -> str:
    if isinstance(payload, dict):
        payload = json.dumps(payload).encode()
    with pytest.raises(MarkerError) as refused:
        decode(payload, 1)
    return str(refused.value)


@given(_markers)
def test_a_marker_travels_unchanged(marker):
    assert decode(encode(marker), marker.received_ns) == marker


def test_a_point_needs_six_fields():
    assert decode(json.dumps(POINT).encode(), 9) == Marker(
        time_ns=5, stage="note", edge=Edge.INSTANT, received_ns=9, run_id="r", seq=7
    )
    for field in POINT:
        rest = {name: value for name, value in POINT.items() if name != field}
        assert refusal(rest) == f"marker field {field}: expected one, got none"


def test_fields_that_nobody_knows_yet_are_ignored():
    assert decode(json.dumps({**POINT, "clock": {"a": [1]}, "warmup": True}).encode(), 1).seq == 7


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("schema", 2, "expected 1, got 2"),
        ("schema", "1", 'expected 1, got "1"'),
        ("run_id", None, "expected str, got null"),
        ("run_id", "", 'length >= 1, got ""'),
        ("run_id", "r" * 201, 'length <= 200, got "rrr'),
        ("seq", -1, "expected int >= 0, got -1"),
        ("seq", True, "expected int, got true"),
        ("seq", 1.5, "expected int, got 1.5"),
        ("seq", 10**400, "expected int <= 9223372036854775807, got 1000"),
        ("event", "start", 'expected begin, end or point, got "start"'),
        ("event", "begin", "span_id: expected one, since the event is begin, got none"),
        ("event", "end", "span_id: expected one, since the event is end, got none"),
        ("stage", "", 'length >= 1, got ""'),
        ("stage", "s" * 201, 'length <= 200, got "sss'),
        ("stage", "a\x00b", r"expected printable characters, got 'a\x00b'"),
        ("stage", "a\nb", r"expected printable characters, got 'a\nb'"),
        ("stage", "\u202egnp", r"expected printable characters, got '\u202egnp'"),
        ("span_id", "\x1b[2J", "span_id: expected printable characters"),
        ("parent_id", 5, "expected str | null, got 5"),
        ("parent_id", "\t", "parent_id: expected printable characters"),
        ("ts_ns", 0, "expected int from 1 to 2**63 - 1, got 0"),
        ("ts_ns", 2**63, "expected int from 1 to 2**63 - 1, got 9223372036854775808"),
        ("ts_ns", 1e300, "expected int from 1 to 2**63 - 1, got 1e+300"),
        ("timing", "guess", 'expected sync, event, host, log or hand, got "guess"'),
        ("rank", -1, "expected int >= 0, got -1"),
        ("index", "3", 'expected int | null, got "3"'),
        ("attrs", [], "expected object, got []"),
        ("attrs", {"a": [1]}, 'expected bool | int | float | str | null, got {"a": [1]}'),
        ("attrs", {"a": "x" * 1001}, "expected str of length <= 1000"),
        ("attrs", {"a": 2**63}, "expected int <= 9223372036854775807"),
        ("attrs", {"": 1}, "expected str of length >= 1"),
        ("attrs", {"a" * 101: 1}, "expected str of length <= 100"),
        ("attrs", {"a\n": 1}, r"expected printable characters, got 'a\n'"),
        ("attrs", {str(i): i for i in range(65)}, "expected object of length <= 64"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected_and_what_came(field, value, message):
    said = refusal({**POINT, field: value})
    assert said.startswith("marker field ")
    assert message in said
    assert len(said) < 300


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"no JSON",
        b"\xff\xfe",
        b'{"schema":1,"later":"\xff"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"schema":1,"later":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"schema":1,"later":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b'{"schema":1,"later":NaN}',
        b'{"schema":1,"attrs":{"a":Infinity}}',
        b'{"schema":1,"attrs":{"a":1e999}}',
        b'{"schema":1,"run_id":"\\ud800"}',
        b'{"schema":1,"ts_ns":' + b"9" * 5000 + b"}",
        b'{"schema":2,"run_id":',
        b'{"schema":1} and more',
        b"null",
        b"[]",
        b'"marker"',
        b"{}",
        b"1" * (MAX_BYTES + 1),
    ],
    ids=lambda payload: repr(payload[:30]),
)
def test_a_hostile_payload_is_refused_in_one_short_line(payload):
    said = refusal(payload)
    assert said.startswith("marker")
    assert len(said) < 300
    assert said.isprintable()


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(payload):
    refusal(payload)


@given(
    st.dictionaries(
        st.sampled_from([*POINT, "span_id", "parent_id", "index", "total", "rank", "attrs"]),
        st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(_names, inner)),
    )
)
def test_no_json_does_more_than_be_refused(fields):
    payload = json.dumps({**POINT, **fields}).encode()
    try:
        marker = decode(payload, 1)
    except MarkerError:
        return
    assert decode(encode(marker), 1) == marker
