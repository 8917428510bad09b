"""What the pages say of setting up is what it does."""

import inspect
import re
from pathlib import Path

import msgspec

from monitor.model import Quantity
from monitor.setup import (
    device,
    findings,
    level_findings,
    levels,
    preview,
    record_findings,
    tellers,
)
from monitor.setup.presets import probe

DOCS = Path(__file__).parents[2] / "docs"
EVENTS = (DOCS / "reference" / "setup-json.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "how-to" / "set-up-an-instrument.md").read_text(encoding="utf-8")


def test_every_finding_is_in_the_table_and_no_other():
    source = "".join(map(inspect.getsource, (findings, level_findings, record_findings, preview)))
    made = set(re.findall(r'id="([a-z-]+)"', source))
    made |= set(re.findall(r'return "([a-z-]+)"', inspect.getsource(findings._contradiction)))
    made |= {"ac-coupled", "coupling"}
    told = set(re.findall(r"^\| `([a-z-]+)` \| (?:yes|some|) ?\|", EVENTS, re.MULTILINE))
    assert told == made


def test_every_field_of_an_event_is_named():
    structs = (device.Device, device.Progress, findings.Finding, levels.Level, levels.RailLevel)
    for struct in structs:
        for field in msgspec.structs.fields(struct):
            assert f"`{field.name}`" in EVENTS, (struct.__name__, field.name)
    for name in re.findall(r'tell\(\s*"([a-z]+)"', inspect.getsource(tellers)):
        assert f"| `{name}` |" in EVENTS


def test_every_probe_of_the_guide_is_one():
    rows = re.findall(r"^\|(.*)\|(.*)\|(.*)\|(.*)\|$", GUIDE, re.MULTILINE)
    table = [row for row in rows if "--" not in row[1] and "---" not in row[0]]
    assert len(table) == 5
    for _, volts, _, amps in table:
        for words, quantity in ((volts, Quantity.VOLTAGE), (amps, Quantity.CURRENT)):
            for word in re.findall(r"`([^`]+)`", words):
                assert probe(word, quantity).ratio > 0
