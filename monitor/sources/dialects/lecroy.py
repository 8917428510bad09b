"""LeCroy and Teledyne LeCroy scopes with MAUI: WaveSurfer, WaveRunner, WavePro, HDO, and others.

From the MAUI remote control manual: ``value = VERTICAL_GAIN * code - VERTICAL_OFFSET``, from the
descriptor of the record, which tells when it was triggered, too.
"""

from __future__ import annotations

import re
from datetime import datetime
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble
from monitor.sources.dialects.replies import below_zero, bit_is_set, number, with_prefix
from monitor.sources.dialects.wavedesc import Wavedesc, dtype, levels, read
from monitor.sources.visa import Framing

_ORDER_AT = slice(34, 36)
_LOW_FIRST = b"\x01\x00"
_ACQUIRED = 1 << 0  # of the register of internal state changes, which a query clears
_N_SOURCES = 4  # of which the template tells the number
_EPOCH = datetime(2000, 1, 1)  # near enough that a float64 resolves some nanoseconds


def parse_descriptor(block: bytes, width: int) -> Preamble:
    """Return what ``WF? DESC`` says.

    Raises
    ------
    ValueError
        If it is no descriptor, or what it says cannot be.
    """
    low_first = block[_ORDER_AT] == _LOW_FIRST
    found = read(block, "<" if low_first else ">")
    low, high = levels(found.width, found.bits)
    return Preamble(
        dtype=dtype(found.width, low_first=low_first),
        n_points=found.n_points,
        x_increment_s=found.x_increment_s,
        scale=Scale(gain=found.gain, offset=-found.offset),
        low=low,
        high=high,
        input=found.source + 1 if 0 <= found.source < _N_SOURCES else None,
        unit=found.vertical_unit,
        tag_s=_tag_s(found),
    )


def _tag_s(found: Wavedesc) -> float | None:
    """Return when the first sample was taken; None if the descriptor has no date."""
    second, minute, hour, day, month, year = found.trigger_time
    try:
        when = datetime(year, month, day, hour, minute)
    except ValueError:
        return None
    if not 0.0 <= second < 61.0:
        return None
    return (when - _EPOCH).total_seconds() + second + found.horizontal_offset_s


LECROY = Dialect(
    id="lecroy",
    name="LeCroy",
    idn=re.compile(
        r"LECROY[^,]*,\s*(WAVE|W[RSPM]\d|HDO|MDA|SDA|DDA|LABMASTER|LAB MASTER)", re.IGNORECASE
    ),
    socket_port=0,
    transports=("vicp", "vxi11", "usbtmc"),
    framing=Framing(prefix=20),
    # A descriptor has the width that is set, and is what tells the unit of an input.
    clear="*CLS\nCHDR OFF\nCFMT DEF9,{format},BIN\nCORD LO",
    error="*ESR?",
    # No error of a query, of the device, in execution or of a command; other bits are none.
    no_error=re.compile(r"(?:0|1|64|65|128|129|192|193)\b"),
    setup=("TRMD STOP", "SEQ OFF", "WFSU SP,0,NP,0,FP,0,SN,0"),
    displayed="C{input}:TRA?",
    display="C{input}:TRA ON",
    units="",
    unit_words=MappingProxyType({"V": "V", "A": "A", "W": "W"}),
    set_units="in the menu of C{input}, Units: {value}",
    factor="C{input}:ATTN?",
    set_factor="C{input}:ATTN {value}",
    parse_factor=number,
    coupling="C{input}:CPL?",
    set_coupling="C{input}:CPL D1M",
    range="C{input}:VDIV?",
    range_divisions=8.0,
    offset="C{input}:OFST?",
    parse_offset=below_zero,
    set_timebase="TDIV {value}",
    timebase="TDIV?",
    divisions=10.0,
    timebase_steps=(1.0, 2.0, 5.0),
    points="MSIZ {value}",
    write_points=lambda n_samples: with_prefix(n_samples, "K"),
    depths=(
        500,
        *(digit * 10**power for power in range(2, 6) for digit in (10, 25, 50)),
        10_000_000,
    ),
    rate="VBS? 'return=app.Acquisition.Horizontal.SamplingRate'",
    # *CLS forgets a signal that was acquired before; FRTR takes one, whatever triggers.
    arm="*CLS\nTRMD SINGLE\nFRTR\nINR?",
    running="INR?",
    is_done=bit_is_set(_ACQUIRED),
    preamble="C{input}:WF? DESC",
    parse_descriptor=parse_descriptor,
    data="C{input}:WF? DAT1",
)
