"""Markers as JSON: what a recording keeps of them."""

from __future__ import annotations

import json

import msgspec

from monitor.model import Marker

_decoder = msgspec.json.Decoder(Marker)


def encode(marker: Marker) -> bytes:
    """Return a marker as JSON that decodes to an equal one.

    ``json``, not msgspec: it also keeps NaN, integers beyond 64 bits and lone surrogates.

    Raises
    ------
    TypeError, ValueError
        If it has an attribute that is no text, number, truth value or null.
    """
    plain = msgspec.to_builtins(marker)
    msgspec.convert(plain, Marker)
    return json.dumps(plain).encode()


def decode(text: bytes) -> Marker:
    """Return the marker.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return _decoder.decode(text)
    except ValueError:  # what only ``json`` understands
        return msgspec.convert(json.loads(text), Marker)
