"""Rigol scopes: DS1000Z and MSO1000Z, MSO5000, DHO800 to DHO4000.

From the programming guides: ``value = (code - yorigin - yreference) * yincrement``, so the sign of
the origin differs from Keysight's. Whole records can be read only while the scope is stopped.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble, Variant
from monitor.sources.dialects.keysight import ten_fields
from monitor.sources.dialects.replies import below_zero, number, state_is

# Highest level by format number: a word is twelve bits at its upper end, the low byte first.
_FORMATS = {0: ("u1", 0xFF), 1: ("<u2", 0xFFF0)}


def parse_preamble(reply: str, width: int) -> Preamble | None:
    """Return what ``:WAVeform:PREamble?`` says.

    Returns
    -------
    None for a sample interval of 0, which a scope gives now and then; asking again helps.

    Raises
    ------
    ValueError
        If the reply is none of the two.
    """
    fields = reply.split(",")
    if len(fields) == 10 and float(fields[4]) == 0.0:
        return None
    kind, n_points, x_increment, y_increment, y_origin, y_reference = ten_fields(reply)
    dtype, highest = _FORMATS[kind]
    return Preamble(
        dtype=dtype,
        n_points=n_points,
        x_increment_s=x_increment,
        scale=Scale(gain=y_increment, offset=-(y_origin + y_reference) * y_increment),
        low=0,
        high=highest,
    )


RIGOL = Dialect(
    id="rigol",
    name="Rigol",
    idn=re.compile(r"RIGOL[^,]*,\s*((DS|MSO)1\d{3}Z|MSO5\d{3}|DHO\d{3})", re.IGNORECASE),
    socket_port=5555,
    transports=("socket", "vxi11", "usbtmc"),
    clear="*CLS",
    error=":SYSTem:ERRor?",
    setup=(
        ":TIMebase:MODE MAIN",
        ":ACQuire:TYPE NORMal",
        # Off and on: a DHO else keeps the length that the memory had before.
        ":WAVeform:MODE NORMal",
        ":WAVeform:MODE RAW",
        ":WAVeform:FORMat {format}",
    ),
    displayed=":CHANnel{input}:DISPlay?",
    display=":CHANnel{input}:DISPlay ON",
    units=":CHANnel{input}:UNITs?",
    unit_words=MappingProxyType({"V": "VOLT", "A": "AMP", "W": "WATT"}),
    set_units=":CHANnel{input}:UNITs {value}",
    factor=":CHANnel{input}:PROBe?",
    set_factor=":CHANnel{input}:PROBe {value}",
    parse_factor=number,
    coupling=":CHANnel{input}:COUPling?",
    set_coupling=":CHANnel{input}:COUPling DC",
    range=":CHANnel{input}:SCALe?",
    range_divisions=8.0,
    offset=":CHANnel{input}:OFFSet?",
    parse_offset=below_zero,
    set_timebase=":TIMebase:MAIN:SCALe {value}",
    timebase=":TIMebase:MAIN:SCALe?",
    divisions=10.0,
    points=":RUN\n:ACQuire:MDEPth {value}",  # a stopped scope keeps its depth
    depths=(1_000, 10_000, 100_000, 1_000_000, 10_000_000),
    rate=":ACQuire:SRATe?",
    # A single record waits for an edge that may never come, until it is forced.
    arm=":SINGle\n:TFORce\n:TRIGger:STATus?",
    running=":TFORce\n:TRIGger:STATus?",
    is_done=state_is("STOP", otherwise=("TD", "WAIT", "RUN", "AUTO")),
    state_lags=True,
    preamble=":WAVeform:SOURce CHANnel{input}\n:WAVeform:PREamble?",
    parse_preamble=parse_preamble,
    record_points=":ACQuire:MDEPth?",
    data=":WAVeform:STARt {first}\n:WAVeform:STOP {last}\n:WAVeform:DATA?",
    page_bytes=250_000,
    variants=(
        Variant(
            re.compile(r"(DS|MSO)1\d{3}Z", re.IGNORECASE),
            MappingProxyType(
                {
                    "formats": ("BYTE",),  # a word has the same eight bits
                    "divisions": 12.0,
                    "depths": (12_000, 120_000, 1_200_000, 12_000_000, 24_000_000),
                    "is_shared": True,
                }
            ),
        ),
        Variant(
            re.compile(r"MSO5\d{3}", re.IGNORECASE),
            MappingProxyType({"formats": ("BYTE",), "page_bytes": 0}),
        ),
    ),
)
