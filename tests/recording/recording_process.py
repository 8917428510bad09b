"""A process that records a ramp in real time, and tells what was given and what is safe.

After each block comes a reading of one of two channels, then a marker.

Arguments: path, number of blocks, and "run", or how the disk fails. "limit": the file may not grow
beyond 4 MB. "gone": likewise, and nothing is known of the file any more. "hang": the disk keeps the
third flush for ever.
"""

import errno
import itertools
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

import numpy as np
from h5py._objects import phil

from monitor.model import (
    Block,
    Channel,
    Edge,
    Marker,
    Quantity,
    Reading,
    Scale,
    SlowChannel,
    StreamInfo,
)
from monitor.recording.recorder import Recorder
from monitor.recording.writer import Writer

RATE_HZ = 1_000_000.0
N = 10_000  # samples of a block
INFO = StreamInfo(
    channels=(Channel(name="power", quantity=Quantity.POWER),), sample_rate_hz=RATE_HZ,
    t0_ns=0, t0_uncertainty_ns=0, dtype="int32", continuous=True,
)  # fmt: skip

SLOW = tuple(
    SlowChannel(name=name, source="test", unit="W", interval_s=N / RATE_HZ) for name in "ab"
)


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def block(k):
    codes = np.arange(k * N, k * N + N, dtype=np.int32)[np.newaxis]
    return Block(k * N, codes, (Scale(1.0, 0.0),), (0,), 0, 0)


def lose_the_drive():
    """Let the system know no more of a file once something of it is safe."""
    ask, flush, safe = os.fstat, Writer.flush, []

    def fstat(handle):
        told = ask(handle)
        if safe and told.st_size >= safe[0]:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return told

    def note_size(self):
        flush(self)
        safe.append(self.n_bytes)

    os.fstat, Writer.flush = fstat, note_size


def hang():
    """Let the disk not answer any more, while HDF5 waits for it."""
    flush, flushes = Writer.flush, itertools.count()

    def wait(self):
        if next(flushes) == 2:
            with phil:
                threading.Event().wait()
        flush(self)

    Writer.flush = wait


def main(path, n_blocks, what):
    if what in {"limit", "gone"}:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, resource.RLIM_INFINITY))
    if what == "gone":
        lose_the_drive()
    if what == "hang":
        hang()
    began = time.monotonic()
    with Recorder(path, INFO, patience_s=0.5) as recorder:
        for k in range(n_blocks):
            recorder.write(block(k))
            recorder.add(Reading(channel=SLOW[k % 2], time_ns=k, received_ns=k, value=float(k)))
            recorder.mark(Marker(time_ns=k, stage="note", edge=Edge.INSTANT, seq=k))
            say(given=(k + 1) * N, safe=recorder.state.n_samples)
            time.sleep(max(0.0, began + (k + 1) * N / RATE_HZ - time.monotonic()))
    say(safe=recorder.state.n_samples, error=recorder.state.error)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
