"""Reads recordings in a process that may use 1 GB, and says what became of each.

Each line of the input is a path; each of the output is JSON.
"""

import hashlib
import json
import logging
import resource
import sys
from pathlib import Path

import numpy as np

from monitor.errors import WattstageError
from monitor.keeping.verify import verify
from monitor.recording.reader import Recording

_CALM_BYTES = 1 << 30


def look(path):
    try:
        with Recording(path) as recording:
            start, stop = recording.bounds
            items = hashlib.sha256(repr(list(recording.items())).encode()).hexdigest()
            recording.summary(start, stop)
            recording.read(start, min(stop, start + 1000))
            recording.view(start, max(stop, start + 1), 10, (), ())
            recording.timeline(recording.start_ns, recording.start_ns + 10**9)
            stop_s = min(stop, start + 200_000)
            mean = float(np.nanmean(recording.read(start, stop_s)[0])) if stop_s > start else 0.0
        states = [finding.state for finding in verify(path)]
    except WattstageError as error:
        return {"refused": str(error)}
    return {"states": states, "mean": mean, "items": items}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    np.seterr(all="ignore")
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (used + _CALM_BYTES, resource.RLIM_INFINITY))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(look(Path(line.rstrip("\n")))) + "\n")
        sys.stdout.flush()
