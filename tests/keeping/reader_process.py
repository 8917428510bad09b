"""Reads recordings in a process that may use 1 GB, and says what became of each.

Each line of the input is a path; each of the output is JSON.
"""

import hashlib
import json
import logging
import resource
import sys
from pathlib import Path

import msgspec
import numpy as np

from monitor.analysis.stage_table import stage_table, to_json_value
from monitor.errors import WattstageError
from monitor.keeping.verify import verify
from monitor.model import Block
from monitor.recording.reader import Recording

_CALM_BYTES = 1 << 30


def look(path):
    try:
        with Recording(path) as recording:
            start, stop = recording.bounds
            items = hashlib.sha256(repr(list(recording.items())).encode()).hexdigest()
            beside = [repr(i) for i in recording.items(()) if not isinstance(i, Block)]
            recording.summary(start, stop)
            recording.read(start, min(stop, start + 1000))
            recording.view(start, max(stop, start + 1), 10, (), ())
            recording.timeline(recording.start_ns, recording.start_ns + 10**9)
            table = to_json_value(stage_table(recording, ""))
            facts = [
                recording.info.sample_rate_hz, recording.start_ns, recording.duration_s,
                recording.n_samples, msgspec.json.encode(recording.info).decode(), beside,
            ]  # fmt: skip
            warnings = recording.warnings
        found = list(verify(path))
    except WattstageError as error:
        return {"refused": str(error)}
    codes = any(
        f.name == "samples" or " samples " in f" {f.text}" for f in found if f.state == "fail"
    )
    return {
        "states": [f.state for f in found], "items": items, "facts": facts,
        "energies": [table["total"], table["unattributed"], *table["stages"]],
        "warnings": warnings, "codes changed": codes,
    }  # fmt: skip


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    np.seterr(all="ignore")
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (used + _CALM_BYTES, resource.RLIM_INFINITY))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(look(Path(line.rstrip("\n")))) + "\n")
        sys.stdout.flush()
