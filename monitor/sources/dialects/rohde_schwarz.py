"""Rohde & Schwarz scopes: RTB2000, RTM3000, RTA4000.

From the user manuals: ``value = yorigin + yincrement * code``. What a record means is asked for
in one message with many queries, of which one tells the format of its codes, as byte order and
width are settings of the interface that anybody may change.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from monitor.model import Scale
from monitor.sources.dialect import Dialect, Preamble
from monitor.sources.dialects.replies import fields, middle, number, state_is

_ASKED = (
    ":FORMat?;:FORMat:BORDer?;:CHANnel{input}:DATA:HEADer?;:CHANnel{input}:DATA:XINCrement?;"
    ":CHANnel{input}:DATA:YINCrement?;:CHANnel{input}:DATA:YORigin?;"
    ":CHANnel{input}:DATA:YRESolution?"
)
_N_FIELDS = _ASKED.count("?")
_DTYPES = {
    ("UINT,8", "LSBF"): "u1",
    ("UINT,8", "MSBF"): "u1",
    ("UINT,16", "LSBF"): "<u2",
    ("UINT,16", "MSBF"): ">u2",
}
_BITS = (8, 32)  # of an average of many records


def parse_preamble(reply: str, width: int) -> Preamble | None:
    """Return what format, header, increments, origin and resolution say.

    Raises
    ------
    ValueError
        If the reply is something else, or of a record that has two values per sample.
    """
    words = fields(reply, ";")
    if len(words) != _N_FIELDS:
        raise ValueError(f"expected {_N_FIELDS} fields, got {len(words)}: {reply[:80]!r}")
    dtype = _DTYPES.get((words[0].upper(), words[1].upper()))
    if dtype is None:
        raise ValueError(f"expected codes (UINT,8 or UINT,16), got {words[0]}, {words[1]}")
    header = words[2].split(",")
    if len(header) != 4:
        raise ValueError(f"expected a header of 4 fields, got {words[2][:80]!r}")
    n_points, per_sample = (int(number(field)) for field in header[2:])
    if per_sample != 1:
        raise ValueError(
            f"expected 1 value a sample, got {per_sample}; switch envelope and peak detection off"
        )
    x_increment, y_increment, y_origin = map(_single, words[3:6])
    bits = int(number(words[6]))
    if not (n_points >= 0 and 0 < x_increment < 1e6 and 0 < y_increment < 1e30):
        raise ValueError(f"expected samples, and increments above 0, got {reply[:160]!r}")
    if not _BITS[0] <= bits <= _BITS[1]:
        raise ValueError(f"expected a resolution of 8 to 32 bits, got {bits}")
    of_code = 8 * int(dtype[-1])
    return Preamble(
        dtype=dtype,
        n_points=n_points,
        x_increment_s=x_increment,
        scale=Scale(gain=y_increment, offset=y_origin + y_increment * _cut_off(bits - of_code)),
        low=0,
        high=(1 << of_code) - (1 << max(0, of_code - bits)),
    )


def _single(reply: str) -> float:
    """Return what a 32-bit float stands for, of which ten digits are printed."""
    return float(f"{number(reply):.7g}")


def _cut_off(n_bits: int) -> float:
    """Return how much of a code its lower bits make on average, if ``n_bits`` are left out."""
    return 0.5 - 0.5 * 0.5**n_bits if n_bits > 0 else 0.0


ROHDE_SCHWARZ = Dialect(
    id="rohde-schwarz",
    name="Rohde & Schwarz",
    idn=re.compile(r"ROHDE ?& ?SCHWARZ,\s*(RTB2|RTM3|RTA4)\d{3}", re.IGNORECASE),
    socket_port=5025,
    transports=("hislip", "socket", "vxi11", "usbtmc"),
    clear="*CLS",
    error="SYSTem:ERRor?",
    setup=(
        "TRIGger:A:MODE AUTO",  # else a record waits for an edge that may never come
        "CHANnel1:TYPE SAMPle",  # of all inputs
        "FORMat UINT,{bits}",
        "FORMat:BORDer LSBFirst",
    ),
    displayed="CHANnel{input}:STATe?",
    display="CHANnel{input}:STATe ON",
    units="PROBe{input}:SETup:ATTenuation:UNIT?",
    unit_words=MappingProxyType({"V": "V", "A": "A"}),
    set_units="PROBe{input}:SETup:ATTenuation:UNIT {value}",
    factor="PROBe{input}:SETup:ATTenuation:MANual?",
    set_factor="PROBe{input}:SETup:ATTenuation:MANual {value}",
    parse_factor=number,
    coupling="CHANnel{input}:COUPling?",
    set_coupling="CHANnel{input}:COUPling DCLimit",
    range="CHANnel{input}:RANGe?",
    offset=":CHANnel{input}:OFFSet?;:CHANnel{input}:POSition?;:CHANnel{input}:SCALe?",
    parse_offset=middle,
    set_timebase="TIMebase:SCALe {value}",
    timebase="TIMebase:SCALe?",
    divisions=12.0,
    timebase_steps=(1.0, 2.0, 5.0),
    points="ACQuire:POINts:AUTomatic OFF\nACQuire:POINts {value}",
    depths=tuple(digit * 10**power for power in (4, 5, 6) for digit in (1, 2, 5)),
    rate="ACQuire:SRATe?",
    arm="SINGle;:ACQuire:STATe?",
    running="ACQuire:STATe?",
    is_done=state_is("COMP", "COMPLETE", otherwise=("RUN", "STOP", "STOPPING", "BRE", "BREAK")),
    state_lags=True,  # the next command is done before SINGle is
    # All that was taken, not what the screen shows of it; while it runs that cannot be set.
    preamble=f":CHANnel{{input}}:DATA:POINts DMAXimum;{_ASKED}",
    parse_preamble=parse_preamble,
    data="CHANnel{input}:DATA?",
)
