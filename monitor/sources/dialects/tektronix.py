"""Tektronix scopes: MSO and DPO2000 to 7000, MDO3000 and 4000, 4, 5 and 6 Series MSO.

From the programmer manuals: ``value = (code - yoff) * ymult + yzero``. The fields of a preamble
differ from model to model and with the firmware, so each is asked for by its name. Replies have
headers unless they are switched off.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble, Variant
from monitor.sources.dialects.replies import bit_is_clear, fields, middle, number

_ASKED = "DATa:SOUrce?;:WFMOutpre:BYT_Nr?;BN_Fmt?;BYT_Or?;NR_Pt?;XINcr?;YMUlt?;YOFf?;YZEro?;YUNit?"
_N_FIELDS = _ASKED.count("?")
_ORDERS = {"LSB": "<", "MSB": ">"}
_SIGNS = {"RI": "i", "RP": "u"}


def parse_preamble(reply: str, width: int) -> Preamble | None:
    """Return what the fields of ``WFMOutpre?`` that are asked for say.

    Raises
    ------
    ValueError
        If the reply is something else.
    """
    words = fields(reply, ";")
    if len(words) != _N_FIELDS:
        raise ValueError(f"expected {_N_FIELDS} fields ({_ASKED}), got {len(words)}: {reply[:80]}")
    source, n_bytes, sign, order = (word.upper() for word in words[:4])
    n_points, x_increment, y_mult, y_off, y_zero = map(number, words[4:9])
    channel = re.fullmatch(r"CH(\d)", source)
    if channel is None or sign not in _SIGNS or order not in _ORDERS or n_bytes not in {"1", "2"}:
        raise ValueError(f"expected binary codes of an input, got {reply[:80]!r}")
    if not (0 < x_increment < 1e6 and 0 < y_mult < 1e30 and n_points >= 1):
        raise ValueError(f"expected samples and increments above 0, got {reply[:120]!r}")
    bits = 8 * int(n_bytes)
    middle = 0 if sign == "RI" else 1 << (bits - 1)
    return Preamble(
        dtype=("" if bits == 8 else _ORDERS[order]) + _SIGNS[sign] + n_bytes,
        n_points=int(n_points),
        x_increment_s=x_increment,
        scale=Scale(gain=y_mult, offset=y_zero - y_off * y_mult),
        low=middle - (1 << (bits - 1)),
        # The upper bits of a word are the converter's, eight of them at the least.
        high=middle + (127 << (bits - 8)),
        input=int(channel[1]),
        unit=words[9].strip('"'),
    )


def factor_of_gain(reply: str) -> float:
    """Return the probe factor of a probe's gain: 10 of 0.1."""
    gain = number(reply)
    if gain == 0.0:
        raise ValueError("expected a gain, got 0")
    return 1.0 / gain


_MANUAL = {
    # A length and a rate of one's own; the timebase follows from them.
    "points": "HORizontal:MODe:SAMPLERate {rate}\nHORizontal:MODe:RECOrdlength {value}",
    "depths": (),
    "record_points": "HORizontal:MODe:RECOrdlength?",
    "rate": "HORizontal:MODe:SAMPLERate?",
    "set_timebase": "HORizontal:MODe:SCAle {value}",
    "timebase": "HORizontal:MODe:SCAle?",
    "range_divisions": 10.0,
    "stream": (
        "DATa:SOUrce {sources}\nDATa:STARt 1\nDATa:STOP {count}\n"
        "ACQuire:STOPAfter RUNSTop\nACQuire:STATE RUN\nCURVEStream?"
    ),
}
_SETUP = (
    "ACQuire:STATE STOP",
    "ACQuire:MODe SAMple",
    "ACQuire:STOPAfter SEQuence",
    "TRIGger:A:MODe AUTO",  # else a record waits for an edge that may never come
    "DATa:ENCdg SRIbinary",
    "DATa:WIDth {width}",
)

TEKTRONIX = Dialect(
    id="tektronix",
    name="Tektronix",
    idn=re.compile(r"TEKTRONIX,\s*(MSO|DPO|MDO|LPD)\d", re.IGNORECASE),
    socket_port=4000,
    transports=("hislip", "socket", "vxi11", "usbtmc"),
    clear="*CLS\nHEADer OFF",
    error="*ESR?;:EVMsg?",  # which tells an event only once the register was read
    no_error=re.compile(r"\d+;[01]\b"),
    setup=_SETUP,
    displayed="SELect:CH{input}?",
    display="SELect:CH{input} ON",
    # What the scope makes of probe and panel together, as it scales the record.
    units="DATa:SOUrce CH{input}\nWFMOutpre:YUNit?",
    units_if_shown=True,
    unit_words=MappingProxyType({"V": "V", "A": "A", "W": "W"}),
    set_units='CH{input}:YUNits "{value}"',
    factor="CH{input}:PRObe:GAIN?",
    set_factor="CH{input}:PRObe:GAIN {inverse}",
    parse_factor=factor_of_gain,
    coupling="CH{input}:COUPling?",
    set_coupling="CH{input}:COUPling DC",
    range="CH{input}:SCAle?",
    range_divisions=8.0,
    offset="CH{input}:OFFSet?;POSition?;SCAle?",
    parse_offset=middle,
    set_timebase="HORizontal:SCAle {value}",
    timebase="HORizontal:SCAle?",
    divisions=10.0,
    points="HORizontal:RECOrdlength {value}",
    depths=(1_000, 10_000, 100_000, 1_000_000, 5_000_000, 10_000_000),
    rate="HORizontal:SAMPLERate?",
    arm="ACQuire:STATE RUN\nACQuire:STATE?",
    running="ACQuire:STATE?",
    is_done=bit_is_clear(1),
    preamble="DATa:SOUrce CH{input}\n" + _ASKED,
    parse_preamble=parse_preamble,
    record_points="HORizontal:RECOrdlength?",
    data="DATa:STARt {first}\nDATa:STOP {last}\nCURVe?",
    stream_source="CH{input}",
    stream_end="*CLS\n*CLS",  # any message interrupts it, and leaves an error to be cleared
    variants=(
        Variant(
            re.compile(r"(MSO|DPO)2\d{3}", re.IGNORECASE),
            MappingProxyType({"depths": (100_000, 1_000_000)}),
        ),
        Variant(
            re.compile(r"(MSO|DPO)[57]\d{3,}", re.IGNORECASE),
            MappingProxyType(_MANUAL | {"setup": ("HORizontal:MODE MANual", *_SETUP)}),
        ),
        Variant(
            re.compile(r"MSO[456]\d(B|LP)?\b|LPD6\d", re.IGNORECASE),
            MappingProxyType(
                _MANUAL
                | {
                    "setup": ("HORizontal:MODe MANual", *_SETUP),
                    "displayed": "DISplay:GLObal:CH{input}:STATE?",
                    "display": "DISplay:GLObal:CH{input}:STATE ON",
                    "set_units": ('CH{input}:PROBEFunc:EXTUnits "{value}";EXTUnits:STATE ON'),
                    "factor": "CH{input}:PROBEFunc:EXTAtten?",
                    "set_factor": "CH{input}:PROBEFunc:EXTAtten {value}",
                    "parse_factor": number,
                }
            ),
        ),
    ),
)
