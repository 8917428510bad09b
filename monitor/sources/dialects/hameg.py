"""HAMEG HMO scopes, later sold as Rohde & Schwarz HMO and RTC1000: as an RTB, but for strings."""

from __future__ import annotations

import re
from dataclasses import replace

from monitor.sources.dialects.rohde_schwarz import ROHDE_SCHWARZ

HAMEG = replace(
    ROHDE_SCHWARZ,
    id="hameg",
    name="HAMEG HMO",
    idn=re.compile(r"(HAMEG[^,]*|ROHDE ?& ?SCHWARZ),\s*(HMO\d{3,4}|RTC1\d{3})\b", re.IGNORECASE),
    transports=("socket", "usbtmc"),
    # It chooses the length of a record itself; the longest there is takes seconds to be read.
    points="ACQuire:WRATe AUTO",
    depths=(),
)
