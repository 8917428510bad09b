"""A marker as it travels: JSON in, ``Marker`` out, and back.

The receiver trusts nothing: every field is checked against docs/reference/markers.md. Fields
that it does not know are ignored, so that senders may be newer.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

import msgspec

from monitor.dsp.headers import STAGE
from monitor.errors import MarkerError
from monitor.model import Edge, Marker, Scalar

_T = TypeVar("_T")

MAX_BYTES = 65_536
"""Of a whole payload."""

_SCHEMA = 1
_INT64 = 2**63 - 1
_SHOWN = 60  # characters of a wrong value that a message repeats

_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Int = Annotated[int, msgspec.Meta(ge=-_INT64 - 1, le=_INT64)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=_INT64)]
_Run = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Rank = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Sender = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[A-Za-z0-9_.:-]*$")]
_Attrs = Annotated[dict[_Key, _Text | _Int | float | bool | None], msgspec.Meta(max_length=64)]


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    """Schema 1; ``docs/reference/markers.md`` says what each field means."""

    schema: Literal[1]
    run_id: _Run
    seq: _Count
    event: Edge
    stage: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    ts_ns: Annotated[int, msgspec.Meta(ge=1, le=_INT64)]
    span_id: _Name = ""
    parent_id: _Name | None = None
    index: _Count | None = None
    total: _Count | None = None
    timing: Literal["sync", "event", "host", "log", "hand"] = "host"
    rank: _Rank = 0
    sender: _Sender = ""
    attrs: _Attrs = {}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender tells of itself and its run; kept by the broker for who comes later."""

    schema: Literal[1]
    run_id: _Run
    sender: _Sender
    rank: _Rank = 0
    world_size: _Count = 1
    seq: _Count = 0
    """Number of its newest marker."""
    n_dropped: _Count = 0
    """Markers that it could not keep."""
    host: _Name = ""
    clock: _Name = ""
    """Names the clock of its host; equal on the same machine since the same start."""
    attrs: _Attrs = {}


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a sender is there."""

    schema: Literal[1]
    run_id: _Run
    sender: _Sender
    rank: _Rank = 0
    status: Literal["online", "ended", "lost"]
    """``lost`` is told by the broker, where the connection broke without a goodbye."""
    seq: _Count = 0
    """At the end, number of its newest marker."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A sender's answer to a question about its clock."""

    schema: Literal[1]
    run_id: _Run
    sender: _Sender
    rank: _Rank = 0
    id: _Name
    t0_ns: _Count
    t1_ns: _Count
    t2_ns: _Count


_CHOICES = {
    "schema": "1",
    "event": "begin, end or point",
    "timing": "sync, event, host, log or hand",
    "ts_ns": "int from 1 to 2**63 - 1",
}
_decoder = msgspec.json.Decoder(_Payload)
_headers = msgspec.json.Decoder(Header)
_statuses = msgspec.json.Decoder(Status)
_answers = msgspec.json.Decoder(Answer)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


def decode(payload: bytes, received_ns: int) -> Marker:
    """Return the marker that a payload describes.

    Parameters
    ----------
    payload
        What came, whatever it is.
    received_ns
        UTC of its arrival.

    Raises
    ------
    MarkerError
        Naming the field, what was expected and what came.
    """
    wire = _decoded(payload, _decoder)
    _check(wire)
    return Marker(
        time_ns=wire.ts_ns,
        stage=wire.stage,
        edge=wire.event,
        received_ns=received_ns,
        run_id=wire.run_id,
        span_id=wire.span_id,
        parent_id=wire.parent_id or "",
        seq=wire.seq,
        rank=wire.rank,
        sender=wire.sender,
        index=wire.index,
        total=wire.total,
        timing=wire.timing,
        attrs=dict(wire.attrs),
    )


def decode_header(payload: bytes) -> Header:
    """Return what a sender tells of itself; MarkerError as for ``decode``."""
    return _decoded(payload, _headers)


def told_of(header: Header, received_ns: int) -> Marker:
    """Return a header as the point that keeps it among the markers."""
    about: dict[str, Scalar] = {"host": header.host} if header.host else {}
    if header.world_size > 1:
        about["world_size"] = header.world_size
    return Marker(
        time_ns=received_ns,
        received_ns=received_ns,
        stage=STAGE,
        edge=Edge.INSTANT,
        run_id=header.run_id,
        rank=header.rank,
        sender=header.sender,
        attrs={**about, **header.attrs},
    )


def decode_status(payload: bytes) -> Status:
    """Return whether a sender is there; MarkerError as for ``decode``."""
    return _decoded(payload, _statuses)


def decode_answer(payload: bytes) -> Answer:
    """Return what a sender says of its clock; MarkerError as for ``decode``."""
    return _decoded(payload, _answers)


def question(identifier: str, t0_ns: int) -> bytes:
    """Return the payload that asks a sender what time it is."""
    return _encoder.encode({"id": identifier, "t0_ns": t0_ns})


def request(first: int, last: int) -> bytes:
    """Return the payload that asks a sender for markers once more."""
    return _encoder.encode({"first": first, "last": last})


def encode(marker: Marker) -> bytes:
    """Return the payload of a marker; ``decode`` gives the same marker back.

    What ``decode`` refuses is not refused here.
    """
    return _encoder.encode(
        {
            "schema": _SCHEMA,
            "run_id": marker.run_id,
            "seq": marker.seq,
            "span_id": marker.span_id,
            "parent_id": marker.parent_id,
            "event": marker.edge,
            "stage": marker.stage,
            "index": marker.index,
            "total": marker.total,
            "ts_ns": marker.time_ns,
            "timing": marker.timing,
            "rank": marker.rank,
            "sender": marker.sender,
            "attrs": marker.attrs,
        }
    )


def _decoded(payload: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    if len(payload) > MAX_BYTES:
        raise MarkerError(f"marker: expected at most {MAX_BYTES} bytes, got {len(payload)}")
    try:
        payload.decode()  # msgspec looks at the text of known fields only
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _refused(payload, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MarkerError(f"marker: expected JSON, got {_shown(repr(payload))}: {error}") from error


def _check(wire: _Payload) -> None:
    """Raise for what the types cannot say."""
    names = {"stage": wire.stage, "run_id": wire.run_id, "span_id": wire.span_id}
    names["parent_id"] = wire.parent_id or ""
    for field, text in [*names.items(), *(("attrs", key) for key in wire.attrs)]:
        if not text.isprintable():
            raise MarkerError(f"marker field {field}: expected printable characters, got {text!a}")
    if wire.event is not Edge.INSTANT and not wire.span_id:
        raise MarkerError(
            f"marker field span_id: expected one, since the event is {wire.event.value}, got none"
        )


def _refused(payload: bytes, reason: str) -> MarkerError:
    """Return msgspec's complaint in our words, with the value that it is about."""
    missing = re.fullmatch(r"Object missing required field `(\w+)`", reason)
    if missing:
        return MarkerError(f"marker field {missing[1]}: expected one, got none")
    what = re.split(", got | - at ", reason.replace("`", ""))[0]
    where = re.search(r"\$\.(\w+)", reason)
    if where is None:
        return MarkerError(f"marker: {what[0].lower()}{what[1:]}, got {_shown(payload.decode())}")
    field = where[1]
    expected = _CHOICES.get(field, what.removeprefix("Expected "))
    return MarkerError(f"marker field {field}: expected {expected}, got {_raw(payload, field)}")


def _raw(payload: bytes, field: str) -> str:
    """Return a field as it was sent."""
    try:
        return _shown(bytes(_fields.decode(payload)[field]).decode())
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
    ):  # what follows the field is not JSON
        return "another"


def _shown(text: str) -> str:
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
