"""What a recording says, and whether that is the truth, or something was said about it."""

import hashlib
import json
import math

import msgspec

from monitor.analysis.stage_table import stage_table, to_json_value
from monitor.errors import WattstageError
from monitor.keeping.verify import verify
from monitor.model import Block
from monitor.recording.reader import Recording


def look(path):
    """Ask a recording everything; return what it says, as JSON has it."""
    try:
        with Recording(path) as recording:
            start, stop = recording.bounds
            items = hashlib.sha256(repr(list(recording.items())).encode()).hexdigest()
            beside = [repr(i) for i in recording.items(()) if not isinstance(i, Block)]
            recording.summary(start, stop)
            recording.read(start, min(stop, start + 1000))
            recording.view(start, max(stop, start + 1), 10, (0.02,), (0.1,))
            recording.timeline(recording.start_ns, recording.start_ns + 10**9)
            recording.slow.values(0)
            table = to_json_value(stage_table(recording, ""))
            facts = [
                recording.info.sample_rate_hz, recording.start_ns, recording.duration_s,
                recording.n_samples, msgspec.json.encode(recording.info).decode(), beside,
            ]  # fmt: skip
            warnings = recording.warnings
        found = list(verify(path))
    except WattstageError as error:
        return {"refused": str(error)}
    failed = [each for each in found if each.state == "fail"]
    said = {
        "states": [each.state for each in found], "items": items, "facts": facts,
        "energies": [table["total"], table["unattributed"], *table["stages"]],
        "warnings": warnings,
        "codes changed": any("samples" in each.name + each.text for each in failed),
    }  # fmt: skip
    return json.loads(json.dumps(said))


def judge(said, truth):
    """Return what is wrong and was not said; None if every number is true or something was said.

    Of codes that changed only ``verify`` says so, as the reader does not look at all of them.
    """
    if "refused" in said or said["warnings"]:
        return None
    if said["facts"] != truth["facts"]:
        return said["facts"], truth["facts"]
    if said["codes changed"]:
        return None
    if said["items"] != truth["items"]:
        return "items", said
    for one, other in zip(said["energies"], truth["energies"], strict=True):
        for name, value in other.items():
            if not _same(one[name], value):
                return name, one, other
    return None


def _same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return one == other
