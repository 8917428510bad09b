"""The binary descriptor ``WAVEDESC`` of a record, which LeCroy and Siglent send.

Positions of the fields: LeCroy's template ``LECROY_2_3`` (reply to ``TMPL?``), and the table under
``:WAVeform:PREamble?`` in Siglent's SDS programming guide, which uses some of them otherwise.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Literal

SIZE = 346
"""Bytes of a descriptor."""

_MAGIC = b"WAVEDESC"
_BITS = (8, 16)


@dataclass(frozen=True, slots=True)
class Wavedesc:
    """The fields of a descriptor that tell what codes mean."""

    comm_type: int
    """0 for codes of one byte, 1 for two."""
    comm_order: int
    """Which byte comes first; LeCroy and Siglent count differently."""
    n_points: int
    """0 if nothing was acquired."""
    gain: float
    """LeCroy: units per code; Siglent: units per division, without the probe."""
    offset: float
    """What is subtracted, in the same unit."""
    max_value: float
    """LeCroy: code at the upper edge of the grid; Siglent: codes per division."""
    bits: int
    """Of the converter."""
    x_increment_s: float
    horizontal_offset_s: float
    """From the trigger to the first sample."""
    vertical_unit: str
    trigger_time: tuple[float, int, int, int, int, int]
    """Seconds, minutes, hours, day, month, year, as the instrument's clock shows them."""
    probe: float
    source: int
    """Which input, from 0."""

    @property
    def width(self) -> int:
        """Return the bytes of a code."""
        return 1 + self.comm_type


def read(block: bytes, order: Literal["<", ">"]) -> Wavedesc:
    """Return the fields of a descriptor.

    Parameters
    ----------
    block
        Of which the first 346 bytes are read.
    order
        Whether the low or the high byte of its numbers is first.

    Raises
    ------
    ValueError
        If it is no descriptor, or what it says cannot be.
    """
    if len(block) < SIZE or not block.startswith(_MAGIC):
        raise ValueError(
            f"expected {SIZE} bytes that begin with {_MAGIC!r}, got {len(block)} that begin with"
            f" {block[:8]!r}"
        )

    def one(code: str, at: int) -> float:
        value: float = struct.unpack_from(order + code, block, at)[0]
        if not math.isfinite(value):
            raise ValueError(f"expected a finite number at byte {at} of a descriptor, got {value}")
        return value

    def real(at: int) -> float:
        """Return a number of four bytes as the few digits that it stands for."""
        return float(f"{one('f', at):.7g}")

    found = Wavedesc(
        comm_type=int(one("h", 32)),
        comm_order=int(one("h", 34)),
        n_points=int(one("i", 116)),
        gain=real(156),
        offset=real(160),
        max_value=real(164),
        bits=int(one("h", 172)),
        x_increment_s=real(176),
        horizontal_offset_s=one("d", 180),
        vertical_unit=block[196:244].split(b"\0")[0].decode("latin-1").strip(),
        trigger_time=(one("d", 296), *block[304:308], int(one("h", 308))),
        probe=real(328),
        source=int(one("h", 344)),
    )
    if found.comm_type not in {0, 1} or found.comm_order not in {0, 1}:
        raise ValueError(
            "expected COMM_TYPE and COMM_ORDER 0 or 1 in a descriptor, got"
            f" {found.comm_type} and {found.comm_order}"
        )
    if not (found.n_points >= 0 and 0 < found.x_increment_s < 1e6 and found.gain > 0):
        raise ValueError(
            "expected points from 0, and an interval and a gain above 0 in a descriptor, got"
            f" {found.n_points}, {found.x_increment_s:g} s and {found.gain:g}"
        )
    if not _BITS[0] <= found.bits <= _BITS[1]:
        raise ValueError(f"expected 8 to 16 bits in a descriptor, got {found.bits}")
    return found


def dtype(width: int, *, low_first: bool) -> str:
    """Return the numpy name of a signed code of so many bytes."""
    if width == 1:
        return "i1"
    return "<i2" if low_first else ">i2"


def levels(width: int, bits: int) -> tuple[int, int]:
    """Return the lowest and the highest code of a converter of so many bits.

    Its bits are the upper ones of a code; in a narrower code the lower ones are cut off.
    """
    half = 1 << (8 * width - 1)
    return -half, half - (1 << max(0, 8 * width - bits))
