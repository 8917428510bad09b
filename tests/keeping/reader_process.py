"""Reads recordings in a process that may use 1 GB, and says what became of each.

Each line of the input is a path; each of the output is JSON.
"""

import json
import logging
import resource
import sys
from pathlib import Path

import numpy as np
from oracle import look

_CALM_BYTES = 1 << 30


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    np.seterr(all="ignore")
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_AS, (used + _CALM_BYTES, resource.RLIM_INFINITY))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(look(Path(line.rstrip("\n")))) + "\n")
        sys.stdout.flush()
