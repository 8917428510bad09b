"""Siglent scopes with the older commands, SDS1000X-E and SDS2000X, and LeCroy's T3DSO1000 likewise.

From the programming guide of the digital oscilloscopes series: ``value = code * VDIV / 25 -
OFST``, codes of one byte. What the codes mean is asked of the panel, not of the record.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble
from monitor.sources.dialects.replies import below_zero, number, state_is, with_prefix
from monitor.sources.dialects.wavedesc import dtype, levels
from monitor.sources.visa import Framing

_CODES = 25  # in a division


def parse_preamble(reply: str, width: int) -> Preamble:
    """Return what volts a division, offset, sample rate and number of samples say.

    Raises
    ------
    ValueError
        If the reply is not the four numbers, with ``;`` between them.
    """
    fields = reply.split(";")
    if len(fields) != 4:
        raise ValueError(f"expected VDIV;OFST;SARA;SANU, got {reply[:80]!r}")
    division, offset, rate_hz, n_points = map(number, fields)
    if not (division > 0 and rate_hz > 0 and n_points >= 0 and n_points.is_integer()):
        raise ValueError(
            f"expected a division and a rate above 0, and whole points, got {reply[:80]!r}"
        )
    low, high = levels(1, 8)
    return Preamble(
        dtype=dtype(1, low_first=True),
        n_points=int(n_points),
        x_increment_s=1.0 / rate_hz,
        scale=Scale(gain=division / _CODES, offset=-offset),
        low=low,
        high=high,
    )


SIGLENT_LEGACY = Dialect(
    id="siglent-legacy",
    name="Siglent SDS1000X-E",
    idn=re.compile(
        r"(SIGLENT[^,]*,\s*SDS[12]\d{3}(X(-E|-C|\+)?|CML\+?|CNL\+?|DL\+?|CFL)"
        r"|[^,]*LECROY[^,]*,\s*T3DSO[12]\d{3}),",
        re.IGNORECASE,
    ),
    socket_port=5025,
    transports=("socket", "vxi11", "usbtmc"),
    formats=("BYTE",),
    framing=Framing(prefix=20, line_feeds=2),
    clear="CHDR OFF",
    # The guide has no error queue; this waits until what was sent before is done.
    error="*OPC?",
    no_error=re.compile(r"1\b"),
    setup=("ACQW SAMPLING", "WFSU SP,0,NP,0,FP,0"),
    displayed="C{input}:TRA?",
    display="C{input}:TRA ON",
    units="C{input}:UNIT?",
    unit_words=MappingProxyType({"V": "V", "A": "A"}),
    set_units="C{input}:UNIT {value}",
    factor="C{input}:ATTN?",
    set_factor="C{input}:ATTN {value}",
    parse_factor=number,
    coupling="C{input}:CPL?",
    set_coupling="C{input}:CPL D1M",
    range="C{input}:VDIV?",
    range_divisions=8.0,
    offset="C{input}:OFST?",
    parse_offset=below_zero,
    set_timebase="TDIV {value}S",
    timebase="TDIV?",
    divisions=14.0,
    timebase_steps=(1.0, 2.0, 5.0),
    # A scope that is stopped keeps its depth, and does not say so.
    points="TRMD AUTO\nMSIZ {value}",
    write_points=lambda n_samples: with_prefix(n_samples, "K"),
    depths=(7_000, 70_000, 700_000, 7_000_000),
    rate="SARA?",
    # One record, whatever the trigger waits for.
    arm="TRMD SINGLE\nFRTR\nSAST?",
    running="SAST?",
    is_done=state_is("Stop", otherwise=("Arm", "Armed", "Ready", "Trig'd", "Auto", "Roll")),
    state_lags=True,
    preamble="C{input}:VDIV?\nC{input}:OFST?\nSARA?\nSANU? C{input}",
    parse_preamble=parse_preamble,
    is_of_panel=True,
    data="C{input}:WF? DAT2",
)
