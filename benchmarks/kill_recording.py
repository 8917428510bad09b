"""A session that records 2 x 1 MS/s and takes marks by hand, to be killed by kill_matrix.py.

Arguments: path, and "storm" or "calm". Prints a JSON line per block, per acknowledged mark,
and before and after each flush.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

import numpy as np

from monitor.config import HistorySettings, MetricsSettings
from monitor.errors import RecordingError
from monitor.model import Block, Channel, Quantity, Scale, StreamInfo, Supply
from monitor.recording.parts import Parts
from monitor.session import Session
from monitor.sources.clock import SystemClock

RATE_HZ = 1_000_000.0
_N = 20_000  # samples of a block
_CHANNELS = (
    Channel(name="voltage", quantity=Quantity.VOLTAGE),
    Channel(name="current", quantity=Quantity.CURRENT),
)


class RampSource:
    """Two ramps in real time."""

    def __init__(self) -> None:
        self.info = StreamInfo(
            channels=_CHANNELS, sample_rate_hz=RATE_HZ, t0_ns=time.time_ns(), t0_uncertainty_ns=0,
            dtype="int16", continuous=True, supply=Supply.DC,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def items(self) -> AsyncIterator[Block]:
        """Yield blocks when their time has come."""
        scales = (Scale(0.001, 0.0), Scale(0.0005, 1.0))
        began, start = time.monotonic(), 0
        while True:
            index = np.arange(start, start + _N)
            codes = np.stack((index % 30_011, -(index % 29_989))).astype(np.int16)
            host_ns = self.info.time_ns(start)
            yield Block(start, codes, scales, (0, 0), host_ns, 0)
            start += _N
            say(given=start)
            await asyncio.sleep(max(0.0, began + start / RATE_HZ - time.monotonic()))


def say(**values: object) -> None:
    """Tell whoever watches, from any thread; nothing waits here in this process."""
    os.write(1, (json.dumps(values) + "\n").encode())


def told(flush: Callable[[Parts], None]) -> Callable[[Parts], None]:
    """Return a flush that tells when it begins and ends."""

    def told_flush(parts: Parts) -> None:
        say(flush="begun")
        flush(parts)
        say(flush="ended")

    return told_flush


async def main(path: Path, how: str) -> None:
    """Record until killed."""
    session = Session(
        RampSource(), None, metrics=MetricsSettings(), history=HistorySettings(seconds=10.0),
        clock=SystemClock(),
    )  # fmt: skip
    run = asyncio.create_task(session.run())
    await session.started.wait()
    session.start_recording(path)
    number = 0
    while not run.done():
        try:
            await session.mark(f"mark {number}", 0)
            if session.recording_error:  # what comes from now on is of no recording
                say(error=session.recording_error)
            say(mark=f"mark {number}")
        except RecordingError as error:
            say(refused=str(error))
        number += 1
        await asyncio.sleep(0.0 if how == "storm" else 0.2)


if __name__ == "__main__":
    Parts.flush = told(Parts.flush)  # type: ignore[method-assign]
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
