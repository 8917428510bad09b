"""What becomes of a recording when something goes wrong: real runs against the bench."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from kept_waiting import KeptWaiting
from sources.counted import HastyClock

from monitor.bench.scope.faults import Fault
from monitor.bench.scope.panel import ScopeSettings, Wiring
from monitor.bench.scope.scope import Scope
from monitor.bench.transports.choice import TRANSPORTS
from monitor.bench.transports.server import ScopeServer
from monitor.bench.vendors.instruments import INSTRUMENTS
from monitor.config import InputSettings, InstrumentSettings
from monitor.model import Block, Marker, Quantity, StreamInfo, Supply
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder
from monitor.sources.dialects import DIALECTS
from monitor.sources.scope import ScopeSource

PUSHED = "pushed"
"""A way to reach a scope, beside the transports: by SOCKET, and it pushes its records."""
IMPOSSIBLE = {
    (PUSHED, Fault.RANGE_CHANGE): "its front panel is locked meanwhile",
    (PUSHED, Fault.STALE_REPLY): "nothing is asked meanwhile",
}
VOLTS, AMPS = 12.0, 20.0
RATE_HZ = 20_000.0
PUSHED_RATE_HZ = 50_000.0
"""At which a slow link takes four records' time for one, so that some are sure to be missed."""
RECORD_S = 0.05
LONG_RECORD_S = 0.25
"""Where a record that waits to be read, as the machine is busy, would be missed."""
TIMEOUT_S = 2.0
LONGEST_GAP = 10
"""In units of the timeout: connecting again makes it 1 or 2, on a machine that starves 6."""
LIMIT_S = 120.0
_BEFORE, _AFTER = 3, 4  # blocks
_AT_ONCE = 8  # more of them starve each other on two cores, and then work in vain
_SLACK_NS = 20_000_000  # beyond what a record says; less than a record


class Constant:
    """A load that does not change, so that a wrong byte is a wrong number."""

    limits = ((0.0, 15.0), (0.0, 30.0))

    def sample(self, start, n, rate_hz):
        return np.full(n, VOLTS), np.full(n, AMPS)


@dataclass(frozen=True)
class Outcome:
    """What a recording holds after one fault."""

    info: StreamInfo
    blocks: list[Block]
    events: list[Marker]
    gaps_s: list[float]
    """Between the blocks around each event, in the order of the events."""
    late_ns: int
    """How late a record may have come because the machine was busy."""

    @property
    def kinds(self) -> list[str]:
        return [str(event.attrs["kind"]) for event in self.events]

    @property
    def n_clipped(self) -> int:
        return sum(sum(block.clipped) for block in self.blocks)

    @property
    def n_wrong(self) -> int:
        """Return the samples that are not what they should be, and not marked as clipped."""
        return sum(
            max(0, _n_wrong(block, k) - block.clipped[k]) for block in self.blocks for k in (0, 1)
        )

    @property
    def n_misplaced(self) -> int:
        """Return the blocks that lie elsewhere than the host saw them."""
        slack_ns = self.info.t0_uncertainty_ns + _SLACK_NS + self.late_ns
        return sum(
            abs(self.info.time_ns(block.start) - block.host_ns)
            > block.host_uncertainty_ns + slack_ns
            for block in self.blocks
        )

    @property
    def longest_gap_s(self) -> float:
        """Return the longest time around an event of which there are no samples; 0 if none."""
        return max(self.gaps_s, default=0.0)

    @property
    def words(self) -> str:
        """Return what happened, as the page about faults has it."""
        if self.kinds == ["lost", "reconnected"]:
            return "gap"
        if self.kinds == ["dropped"]:
            return "record dropped"
        if self.kinds:
            return ", ".join(self.kinds)
        return "marked as clipped" if self.n_clipped else "nothing lost"


Key = tuple[str, str, Fault] | tuple[str, str, Fault, int]
"""Dialect, transport or PUSHED, fault, and how many occasions it spares first."""


def all_cases() -> list[tuple[str, str, Fault]]:
    """Return every fault of every dialect, of every transport of one, and of pushed records."""
    ways = [*by_dialect(), *(("keysight", transport) for transport in TRANSPORTS)]
    return [
        (dialect, way, fault)
        for dialect, way in dict.fromkeys(ways)
        for fault in Fault
        if (way, fault) not in IMPOSSIBLE
    ]


def by_dialect() -> list[tuple[str, str]]:
    """Return each dialect with the way it is reached."""
    ways = [(dialect, transport_of(dialect)) for dialect in DIALECTS if dialect in INSTRUMENTS]
    return [*ways, ("tektronix", PUSHED)]


async def outcomes(folder: Path, cases: Iterable[Key]) -> dict[Key, Outcome]:
    """Return what becomes of each case; some run at a time."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Key) -> tuple[Key, Outcome]:
        async with turn:
            return case, await outcome(folder, *case)

    return dict(await asyncio.gather(*map(one, cases)))


async def outcome(folder: Path, dialect: str, way: str, fault: Fault, spare: int = 0) -> Outcome:
    """Record a constant load through one fault, and return what the file holds."""
    path = folder / f"{dialect}-{way}-{fault.value}-{spare}.h5"
    clock = HastyClock()
    zero_ns = clock.now_ns()
    wiring = (Wiring(0, 1.0), Wiring(1, 10.0), Wiring(None, 1.0), Wiring(None, 1.0))
    is_pushed = way == PUSHED
    is_gap_free = _tells_time(dialect) and fault is Fault.CLOCK_JUMP
    kind = ScopeSettings(dead_time_s=0.005, gap_free=is_gap_free)
    scope = Scope(Constant(), wiring, kind, lambda: clock.now_ns() - zero_ns)
    scope.autoscale()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(LIMIT_S))
        kept_waiting = stack.enter_context(KeptWaiting())
        transport = "socket" if is_pushed else way
        server = ScopeServer(INSTRUMENTS[dialect](scope), transport=transport)
        await stack.enter_async_context(server)
        settings = msgspec.structs.replace(
            _settings(server.visa),
            stream=is_pushed,
            sample_rate_hz=PUSHED_RATE_HZ if is_pushed else RATE_HZ,
            record_s=LONG_RECORD_S if is_pushed or is_gap_free else RECORD_S,
        )
        is_of_knobs = is_pushed and fault is Fault.LF_DATA
        if is_of_knobs:  # and the panel will be locked
            server.faults.inject(fault)
        source = await stack.enter_async_context(ScopeSource(settings, clock))
        recorder = stack.enter_context(Recorder(path, source.info))
        items = await stack.enter_async_context(contextlib.aclosing(source.items()))
        n_before = n_after = 0
        async for item in items:
            recorder.put(item)
            if n_before < _BEFORE:
                n_before += isinstance(item, Block)
                if n_before == _BEFORE and not is_of_knobs:
                    server.faults.inject(fault, spare=spare)
            elif not server.faults.waits(fault):
                n_after += isinstance(item, Block)
                if n_after == _AFTER:
                    break
    return _read(path, kept_waiting.late_ns)


def transport_of(dialect: str) -> str:
    """Return how the matrix reaches an instrument: by SOCKET if it has that."""
    transports = DIALECTS[dialect].transports
    return "socket" if "socket" in transports else transports[0]


def _tells_time(dialect: str) -> bool:
    """Return whether a gap-free record comes with a time of the instrument's own clock."""
    return bool(DIALECTS[dialect].record_time)


def _settings(address: str) -> InstrumentSettings:
    return InstrumentSettings(
        address=address,
        inputs=(
            InputSettings(input=1, quantity=Quantity.VOLTAGE),
            InputSettings(input=2, quantity=Quantity.CURRENT),
        ),
        timeout_s=TIMEOUT_S,
        supply=Supply.DC,
    )


def _read(path: Path, late_ns: int) -> Outcome:
    with Recording(path) as recording:
        items = list(recording.items())
        info = recording.info
    blocks = [item for item in items if isinstance(item, Block)]
    events = [item for item in items if isinstance(item, Marker)]
    gaps_s = []
    for k, item in enumerate(items):
        if isinstance(item, Marker):
            before = [other for other in items[:k] if isinstance(other, Block)]
            after = [other for other in items[k:] if isinstance(other, Block)]
            gaps_s.append((after[0].start - before[-1].stop) / info.sample_rate_hz)
    return Outcome(info, blocks, events, gaps_s, late_ns)


def _n_wrong(block: Block, k: int) -> int:
    scale, expected = block.scales[k], (VOLTS, AMPS)[k]
    values = block.codes[k] * scale.gain + scale.offset
    step = abs(scale.gain) * (16 if block.codes.itemsize == 2 else 1)  # of the converter
    return int(np.count_nonzero(np.abs(values - expected) > 0.51 * step))
