"""A line of the journal beside a recording: JSON, with a checksum of itself."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

_CRC = re.compile(rb', "crc": (\d+)\}')


def encode(fields: dict[str, Any]) -> bytes:
    """Return a line of these fields, and ``crc``: the CRC-32 of the line without it."""
    text = json.dumps(fields).encode()
    return b'%b, "crc": %d}\n' % (text[:-1], zlib.crc32(text))


def decode(line: bytes) -> Any:
    """Return the fields of a line without its newline, but for its checksum, if it has one.

    Raises
    ------
    ValueError
        If it is not as it was written.
    """
    crc = _CRC.search(line, line.rfind(b", "))
    if crc is None or crc.end() != len(line):
        return json.loads(line)
    text = line[: crc.start()] + b"}"
    if zlib.crc32(text) != int(crc[1]):
        raise ValueError("it is not that of its checksum")
    return json.loads(text)
