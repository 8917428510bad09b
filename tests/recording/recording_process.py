"""A process that records a ramp in real time, and tells what was given and what is safe.

Arguments: path, number of blocks, and "run", or "limit": the file may not grow beyond 3 MB.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from monitor.model import Block, Channel, Edge, Marker, Quantity, Scale, StreamInfo
from monitor.recording.recorder import Recorder

RATE_HZ = 1_000_000.0
N = 10_000  # samples of a block
INFO = StreamInfo(
    channels=(Channel(name="power", quantity=Quantity.POWER),), sample_rate_hz=RATE_HZ,
    t0_ns=0, t0_uncertainty_ns=0, dtype="int32", continuous=True,
)  # fmt: skip


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def block(k):
    codes = np.arange(k * N, k * N + N, dtype=np.int32)[np.newaxis]
    return Block(k * N, codes, (Scale(1.0, 0.0),), (0,), 0, 0)


def main(path, n_blocks, what):
    if what == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
    began = time.monotonic()
    with Recorder(path, INFO) as recorder:
        for k in range(n_blocks):
            recorder.write(block(k))
            recorder.mark(Marker(time_ns=k, stage="note", edge=Edge.INSTANT, seq=k))
            say(given=(k + 1) * N, safe=recorder.state.n_samples)
            time.sleep(max(0.0, began + (k + 1) * N / RATE_HZ - time.monotonic()))
    say(safe=recorder.state.n_samples, error=recorder.state.error)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
