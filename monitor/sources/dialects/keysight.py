"""Keysight and Agilent InfiniiVision scopes (2000, 3000, 4000, 6000 X-Series, P924x, EDUX).

From the InfiniiVision programmer's guides: ``value = (code - yreference) * yincrement + yorigin``;
code 0 marks a hole, code 1 a sample below the screen, the highest code one above it.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble
from monitor.sources.dialects.replies import bit_is_clear, number

_FIELDS = (
    "format, type, points, count, xincrement, xorigin, xreference, yincrement, yorigin, yreference"
)
# Highest code by format number: unsigned BYTE and WORD, the low byte first, as the setup asks for.
_FORMATS = {0: ("u1", 0xFF), 1: ("<u2", 0xFFFF)}


def ten_fields(reply: str) -> tuple[int, int, float, float, float, float]:
    """Return what the preamble of Keysight and Rigol tells.

    Returns
    -------
    Format number, points, x increment in s, and y increment, origin and reference.

    Raises
    ------
    ValueError
        If it is no such preamble.
    """
    fields = reply.split(",")
    if len(fields) != 10:
        raise ValueError(f"expected 10 fields ({_FIELDS}), got {len(fields)}: {reply[:80]!r}")
    numbers = [float(field) for field in fields]
    kind, n_points, x_increment = numbers[0], numbers[2], numbers[4]
    y_increment, y_origin, y_reference = numbers[7:]
    if kind not in _FORMATS:
        raise ValueError(f"expected format 0 (BYTE) or 1 (WORD), got {fields[0]!r}")
    if not (all(map(math.isfinite, numbers)) and n_points >= 1 and n_points.is_integer()):
        raise ValueError(f"expected finite numbers and whole points, got {reply[:120]!r}")
    if not (0 < x_increment < 1e6 and 0 < y_increment < 1e30):
        raise ValueError(f"expected increments above 0, got x {fields[4]}, y {fields[7]}")
    return int(kind), int(n_points), x_increment, y_increment, y_origin, y_reference


def parse_preamble(reply: str, width: int) -> Preamble | None:
    """Return what ``:WAVeform:PREamble?`` says.

    Returns
    -------
    None for the bare ``+0`` that a DSO-X 2022A gives now and then; asking again helps.

    Raises
    ------
    ValueError
        If the reply is none of the two.
    """
    if reply == "+0":
        return None
    kind, n_points, x_increment, y_increment, y_origin, y_reference = ten_fields(reply)
    dtype, highest = _FORMATS[kind]
    return Preamble(
        dtype=dtype,
        n_points=n_points,
        x_increment_s=x_increment,
        scale=Scale(gain=y_increment, offset=y_origin - y_reference * y_increment),
        low=1,
        high=highest,
        hole=0,
    )


INFINIIVISION = Dialect(
    id="keysight",
    name="Keysight InfiniiVision",
    idn=re.compile(
        r"(AGILENT|KEYSIGHT)[^,]*,\s*([DM]SO-?X|EDU-?X|P924\d|[DM]SO[5-7]\d{3}[AB])", re.IGNORECASE
    ),
    socket_port=5025,
    transports=("hislip", "socket", "vxi11", "usbtmc"),
    clear="*CLS",
    error=":SYSTem:ERRor?",
    setup=(
        ":TIMebase:MODE MAIN",
        ":ACQuire:TYPE NORMal",
        ":TRIGger:SWEep AUTO",  # else a record waits for an edge that may never come
        ":WAVeform:FORMat {format}",
        ":WAVeform:UNSigned ON",
        ":WAVeform:BYTeorder LSBFirst",
        ":WAVeform:POINts:MODE RAW",
    ),
    displayed=":CHANnel{input}:DISPlay?",
    display=":CHANnel{input}:DISPlay ON",
    units=":CHANnel{input}:UNITs?",
    unit_words=MappingProxyType({"V": "VOLT", "A": "AMP"}),
    set_units=":CHANnel{input}:UNITs {value}",
    factor=":CHANnel{input}:PROBe?",
    set_factor=":CHANnel{input}:PROBe {value}",
    parse_factor=number,
    coupling=":CHANnel{input}:COUPling?",
    set_coupling=":CHANnel{input}:COUPling DC",
    range=":CHANnel{input}:RANGe?",
    offset=":CHANnel{input}:OFFSet?",
    set_timebase=":TIMebase:RANGe {value}",
    timebase=":TIMebase:RANGe?",
    points=":WAVeform:POINts {value}",
    rate=":ACQuire:SRATe?",
    arm=":SINGle;:OPERegister:CONDition?",
    running=":OPERegister:CONDition?",
    is_done=bit_is_clear(1 << 3),
    record_time=":WAVeform:SEGMented:TTAG?",
    preamble=":WAVeform:SOURce CHANnel{input};:WAVeform:PREamble?",
    parse_preamble=parse_preamble,
    data=":WAVeform:DATA?",
)
