"""A bit that flipped, put back: its checksum says which one it was."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from monitor.recording.sums import Changed
from monitor.recording.tables import Tables

_MOST = 1 << 16  # bytes: of more, one other damage in some thousand would look like a single bit
_ZERO = zlib.crc32(b"\0")
_STEPS = [zlib.crc32(bytes([byte])) ^ _ZERO for byte in range(256)]
"""What a byte of an error does to the checksum."""
_BACK = {step >> 24: byte for byte, step in enumerate(_STEPS)}
_BITS = {_STEPS[1 << bit]: bit for bit in range(8)}


def mended(data: bytes, crc: int) -> bytes | None:
    """Return bytes of which one bit flipped as they were; None if it was another damage.

    The checksum is linear: what it differs by depends on the place of the bit alone, and is another
    one for each of 2**32 - 1 places. From the last byte on, each is tried.
    """
    differs = zlib.crc32(data) ^ crc
    for at in range(len(data) - 1, -1, -1) if len(data) <= _MOST else ():
        if differs in _BITS:
            right = bytearray(data)
            right[at] ^= 1 << _BITS[differs]
            return bytes(right)
        byte = _BACK[differs >> 24]
        differs = (differs ^ _STEPS[byte]) << 8 & 0xFFFFFFFF | byte
    return None


def mend(
    found: Tables, texts: dict[str, bytes], changes: Iterable[Changed]
) -> tuple[Tables, dict[str, bytes], list[Changed], tuple[str, ...]]:
    """Return tables and attributes as they were, what else changed, and what was mended.

    Parameters
    ----------
    texts
        Of the attributes, as their checksums are of them.
    """
    rows, texts = dict(found.rows), dict(texts)
    left: list[Changed] = []
    told: list[str] = []
    for each in changes:
        table = rows.get(each.name)
        data = (
            texts.get(each.name, b"") if table is None else table[each.first : each.stop].tobytes()
        )
        right = mended(data, each.crc)
        if right is None:
            left.append(each)
            continue
        if table is not None:
            part = np.frombuffer(right, table.dtype).reshape(-1, *table.shape[1:])
            rows[each.name] = np.concatenate((table[: each.first], part, table[each.stop :]))
        else:
            texts[each.name] = right
        told.append(f"one bit of {each} had flipped, and was put back")
    return replace(found, rows=rows), texts, left, tuple(told)
