"""The page about faults, made of what was seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from faulty import IMPOSSIBLE, LONGEST_GAP, PUSHED, TIMEOUT_S, Key, Outcome, by_dialect

from monitor.bench.scope.faults import Fault
from monitor.bench.transports.choice import TRANSPORTS

PAGE = Path(__file__).parents[2] / "docs/reference/faults.md"

_INTRODUCTION = f"""\
# When something goes wrong

What becomes of a recording when an instrument, its connection or somebody at its front panel does
what it should not. Each cell is a real run: the bench's instrument of that family with the fault
switched on (`wattstage bench --dialect NAME --fault FAULT`), read through PyVISA while a constant
load was recorded. In every one of them no number that was recorded was wrong, no record was put at
a wrong time, and the recording went on by itself. No gap was longer than {LONGEST_GAP} times
`timeout_s`, which was {TIMEOUT_S:g} s: in it the fault is noticed, and the instrument connected to
and set up again. One that is away for longer is tried again after pauses, of half a second at first
and of ten in the end, which these runs do not wait for.

`scripts/fault_table` makes this page; the tests fail where it is not what happens.

| fault | what goes wrong |
|---|---|
"""

_WORDS = """
| word | what the recording holds |
|---|---|
| nothing lost | every record, as if nothing had been |
| gap | an event *instrument lost* with its reason, no samples, and *instrument answers again* |
| record dropped | an event *a record was dropped* with its reason; the others are there |
| marked as clipped | every record, with the number of its samples that were off the screen |

A stage with a gap in it states its coverage beside its energy.
"""

_BY_DIALECT = """
## By family of instruments

Over a raw socket, where the line feed that ends a reply is all that tells where it ends; LeCroy's
by VICP. A clock that jumps concerns only instruments whose own time stamps are used. A Siglent of
the older kind does not say with which scale a record was taken, so one during which the knobs were
turned is left out. A Tektronix that [pushes its records](scopes.md#pushed-records) is asked nothing
and has its front panel locked meanwhile, so no reply can come late and nobody can turn a knob.

"""

_BY_TRANSPORT = """
## By transport

The Keysight again. HiSLIP and VICP number their messages, so a reply that comes late is recognised
and left out; all but the raw socket mark the end of a reply themselves, so that a missing line feed
does not matter.

"""

_REASONS = """
## What the events say

The reason of *instrument lost* in the recording of the Keysight over a raw socket:

| fault | reason |
|---|---|
"""


def page(outcomes: Mapping[Key, Outcome]) -> str:
    """Return the whole page."""
    transports = [t for t in TRANSPORTS if ("keysight", t, Fault.SILENCE) in outcomes]
    parts = [
        _INTRODUCTION,
        *(f"| `{fault.value}` | {fault.text} |\n" for fault in Fault),
        _WORDS,
        _BY_DIALECT,
        _table(
            {column(*way): way for way in by_dialect()},
            outcomes,
        ),
        _BY_TRANSPORT,
        _table({t: ("keysight", t) for t in transports}, outcomes),
        _REASONS,
        *_reasons({fault: outcomes["keysight", "socket", fault] for fault in Fault}),
    ]
    return "".join(parts)


def cells(text: str) -> dict[tuple[str, Fault], str]:
    """Return what the page's tables say, by column and fault."""
    told = {}
    header: list[str] = []
    for line in text.splitlines():
        row = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if line.startswith("| fault | `"):
            header = row[1:]
        elif header and line.startswith("| `"):
            if len(row) != len(header) + 1:
                break  # the reasons
            told |= {
                (column, Fault(row[0])): cell for column, cell in zip(header, row[1:], strict=True)
            }
    return told


def column(dialect: str, way: str) -> str:
    """Return what stands over a column of the first table."""
    return f"{dialect}, {PUSHED}" if way == PUSHED else dialect


def _table(columns: Mapping[str, tuple[str, str]], outcomes: Mapping[Key, Outcome]) -> str:
    lines = ["| fault | " + " | ".join(f"`{name}`" for name in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for fault in Fault:
        words = (
            "–" if (way[1], fault) in IMPOSSIBLE else outcomes[*way, fault].words
            for way in columns.values()
        )
        lines.append("| " + " | ".join([f"`{fault.value}`", *words]) + " |")
    return "\n".join(lines) + "\n"


def _reasons(outcomes: Mapping[Fault, Outcome]) -> Iterator[str]:
    for fault, outcome in outcomes.items():
        if outcome.events:
            text = str(outcome.events[0].attrs["text"])
            reason = text.removeprefix("instrument lost: ").removesuffix("; trying again")
            reason = re.sub(r"TCPIP::\S+?::SOCKET", "ADDRESS", reason)
            reason = re.sub(r"b'(.{12}).*'", r"b'\1…'", reason)
            reason = re.sub(r"\d+\.\d+ s", "… s", reason)
            yield f"| `{fault.value}` | {reason} |\n"
