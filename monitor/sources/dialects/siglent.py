"""Siglent scopes with ``:WAVeform`` commands: SDS800X HD to SDS7000A, SDS2000X Plus, SDS5000X.

From the SDS series programming guide: ``value = code / codes_per_division * V_per_division *
probe - offset * probe``. The guide has no error queue, so what was asked for is seen from what
the scope answers later.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble, Variant
from monitor.sources.dialects.replies import below_zero, number, state_is, with_prefix
from monitor.sources.dialects.wavedesc import Wavedesc, dtype, levels, read
from monitor.sources.visa import Framing

_FRAMING = Framing(line_feeds=2)
# A screen of 8 divisions in 12 bits has up to 512 codes a division; in 16 bits, at least 1000.
_MOST_OF_12_BITS = 512
_CODES_OF_A_WORD = (512, 16_384)


def parse_descriptor(block: bytes, width: int) -> Preamble:
    """Return what ``:WAVeform:PREamble?`` says.

    Raises
    ------
    ValueError
        If it is no descriptor, or what it says cannot be.
    """
    found = read(block, "<")
    if found.probe <= 0:
        raise ValueError(f"expected a probe factor above 0, got {found.probe:g}")
    low, high = levels(found.width, found.bits)
    return Preamble(
        dtype=dtype(found.width, low_first=found.comm_order == 0),
        n_points=found.n_points,
        x_increment_s=found.x_increment_s,
        scale=Scale(
            gain=found.gain * found.probe / _codes_per_division(found),
            offset=-found.offset * found.probe,
        ),
        low=low,
        high=high,
        input=found.source + 1,
    )


def _codes_per_division(found: Wavedesc) -> float:
    """Return the codes of the transferred width in a division.

    Codes stand in the upper bits of a byte or a word. What a descriptor tells is of words where
    the converter has more than 8 bits (6400, 7680), or of its own bits (25, 30, on an SDS6000A
    170, 127.5 or 63.75, by the range), whatever width was asked for.
    """
    of_word = found.max_value
    if of_word <= _MOST_OF_12_BITS:
        of_word *= 1 << (16 - found.bits)
    if not _CODES_OF_A_WORD[0] <= of_word <= _CODES_OF_A_WORD[1]:
        raise ValueError(
            f"expected 2 to 64 codes a division in 8 bits, or as many in more, got"
            f" {found.max_value:g} in {found.bits} bits"
        )
    return of_word if found.width == 2 else of_word / 256


def parse_factor(reply: str) -> float:
    """Return a probe factor: ``1.00E+01``, ``VALue,1.00E+01``, or ``DEFault``, which is 1."""
    last = reply.rpartition(",")[2]
    return 1.0 if last.upper().startswith("DEF") else number(last)


SIGLENT = Dialect(
    id="siglent",
    name="Siglent SDS",
    idn=re.compile(
        r"SIGLENT[^,]*,\s*(SDS\d+X?\s?(HD|PLUS)|SDS5\d{3}X|SDS[67]\d{3}|SHS\d+X)"
        r"|[^,]*LECROY[^,]*,\s*T3DSO(2\d{3}(A|HD)|3\d{3})",
        re.IGNORECASE,
    ),
    socket_port=5025,
    transports=("socket", "vxi11", "usbtmc"),
    framing=_FRAMING,
    clear="*CLS",
    # The guide has no error queue; this waits until what was sent before is done.
    error="*OPC?",
    no_error=re.compile(r"1\b"),
    setup=(
        ":ACQuire:MODE YT",
        ":ACQuire:TYPE NORMal",
        ":ACQuire:SEQuence OFF",
        ":ACQuire:MMANagement AUTO",
        ":WAVeform:WIDTh {format}",
        ":WAVeform:BYTeorder LSB",
        ":WAVeform:INTerval 1",
    ),
    displayed=":CHANnel{input}:SWITch?",
    display=":CHANnel{input}:SWITch ON",
    units=":CHANnel{input}:UNIT?",
    unit_words=MappingProxyType({"V": "V", "A": "A"}),
    set_units=":CHANnel{input}:UNIT {value}",
    factor=":CHANnel{input}:PROBe?",
    set_factor=":CHANnel{input}:PROBe VALue,{value}",
    parse_factor=parse_factor,
    coupling=":CHANnel{input}:COUPling?",
    set_coupling=":CHANnel{input}:COUPling DC",
    range=":CHANnel{input}:SCALe?",
    range_divisions=8.0,
    offset=":CHANnel{input}:OFFSet?",
    parse_offset=below_zero,
    set_timebase=":TIMebase:SCALe {value}",
    timebase=":TIMebase:SCALe?",
    divisions=10.0,
    timebase_steps=(1.0, 2.0, 5.0),
    # A scope that is stopped keeps its depth, and does not say so.
    points=":TRIGger:MODE AUTO\n:ACQuire:MDEPth {value}",
    write_points=with_prefix,
    depths=(10_000, 100_000, 1_000_000, 10_000_000),
    rate=":ACQuire:SRATe?",
    # One record, whatever the trigger waits for.
    arm=":TRIGger:MODE FTRIG\n:TRIGger:STATus?",
    running=":TRIGger:STATus?",
    is_done=state_is("Stop", otherwise=("Arm", "Ready", "Trig'd", "Auto", "Roll")),
    state_lags=True,
    # All that there is, not the page that was read last.
    preamble=(
        ":WAVeform:SOURce C{input}\n:WAVeform:STARt 0\n:WAVeform:POINt 0\n:WAVeform:PREamble?"
    ),
    parse_descriptor=parse_descriptor,
    data=":WAVeform:STARt {start}\n:WAVeform:POINt {count}\n:WAVeform:DATA?",
    page=":WAVeform:MAXPoint?",
    variants=(
        Variant(
            # Until firmware 1.3.9R6 the header of a block of words counts the words.
            re.compile(
                r"SDS2\d{3}X\s?PLUS,[^,]*,\s*1\.(?:[0-2]\.|3\.(?:[0-8](?!\d)|9R[0-6]\b))",
                re.IGNORECASE,
            ),
            MappingProxyType({"framing": Framing(line_feeds=2, counts_items=True)}),
        ),
        Variant(
            re.compile(r"SDS(5\d{3}X|6\d{3})", re.IGNORECASE),
            MappingProxyType(
                {
                    "depths": tuple(
                        digit * 10**power for power in range(2, 7) for digit in (25, 50, 125)
                    )
                }
            ),
        ),
    ),
)
