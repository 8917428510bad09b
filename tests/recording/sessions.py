"""Sessions for tests: any cut, any gap, any scale, any marker."""

import math

import numpy as np
from hypothesis import strategies as st

from monitor.model import (
    Block,
    Calibration,
    Channel,
    Edge,
    Marker,
    Probe,
    Quantity,
    Reading,
    Scale,
    SlowChannel,
    StreamInfo,
    Supply,
)

CHANNELS = (
    Channel(name="voltage", quantity=Quantity.VOLTAGE, probe=Probe(ratio=10.0, offset=-1.0)),
    Channel(
        name="current", quantity=Quantity.CURRENT,
        probe=Probe(ratio=0.5, calibration=Calibration(gain=1.01, offset=0.25)),
    ),
)  # fmt: skip
SCALES = (Scale(0.5, 1.0), Scale(0.25, -2.0))


def info(**changes):
    """Return a DC stream of int16 at 10 kHz, but for the changes."""
    values = {
        "channels": CHANNELS, "sample_rate_hz": 10_000.0, "t0_ns": 1_700_000_000_000_000_000,
        "t0_uncertainty_ns": 5, "dtype": "int16", "continuous": True, "supply": Supply.DC,
        "instrument": {"identity": "TEST,µ,1"},
    }  # fmt: skip
    return StreamInfo(**(values | changes))


def ramp(start, stop, *, scales=SCALES, dtype="int16"):
    """Codes that are their own index and its opposite, so loss, repeats and reordering show."""
    index = np.arange(start, stop)
    codes = np.stack((index % 30_000, -(index % 30_000))).astype(dtype)
    return Block(start, codes, scales, (start % 3, 0), 1_000 + start, 7)


def note(text, time_ns=1_700_000_000_000_000_000, **changes):
    """Return a mark by hand."""
    return Marker(time_ns=time_ns, stage="note", edge=Edge.INSTANT, attrs={"text": text}, **changes)


PLUG = SlowChannel(name="plug", source="test, µ", unit="W", interval_s=1.0, window_s=0.5)
WATER = SlowChannel(name="water", source="test", unit="°C", interval_s=10.0)


def reading(value, time_ns=1_700_000_000_000_000_000, channel=PLUG):
    """Return a reading that took a millisecond to arrive."""
    return Reading(channel=channel, time_ns=time_ns, received_ns=time_ns + 1_000_000, value=value)


def same(a, b):
    """Whether two items are equal in every field; NaN equals NaN."""
    if isinstance(a, Block) and isinstance(b, Block):
        fields = ("start", "scales", "clipped", "host_ns", "host_uncertainty_ns")
        return (
            all(getattr(a, f) == getattr(b, f) for f in fields)
            and a.codes.dtype == b.codes.dtype
            and np.array_equal(a.codes, b.codes)
        )
    return repr(a) == repr(b)


names = st.text(max_size=20)
int64 = st.integers(-(2**63), 2**63 - 1)
scales = st.builds(Scale, st.floats(-10, 10), st.floats(-10, 10))
scalars = st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.none())
markers = st.builds(
    Marker, time_ns=int64, stage=names, edge=st.sampled_from(Edge), received_ns=int64,
    run_id=names, span_id=names, parent_id=names, seq=int64, rank=st.integers(0, 9),
    index=st.none() | st.integers(0, 99), total=st.none() | st.integers(0, 99), timing=names,
    attrs=st.dictionaries(names, scalars, max_size=3),
)  # fmt: skip

slow_channels = st.builds(
    SlowChannel, name=names, source=names, unit=st.sampled_from(["W", "°C", ""]),
    interval_s=st.floats(0.01, 3600), window_s=st.floats(0, 10), note=names,
)  # fmt: skip
readings = st.builds(
    Reading, channel=st.sampled_from([PLUG, WATER]) | slow_channels, time_ns=int64,
    received_ns=int64, value=st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


@st.composite
def streams(draw):
    """Return a stream's info and its items."""
    n = draw(st.integers(1, 3))
    quantities = [Quantity.POWER] * n
    dtype = draw(st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", ">u2"]))
    stream = info(
        channels=tuple(
            Channel(name=f"c{k}", quantity=q, rail=f"r{k}") for k, q in enumerate(quantities)
        ),
        dtype=dtype,
        sample_rate_hz=draw(st.sampled_from([1000.0, 10_000.0, 123_456.7])),
    )
    kinds = draw(st.lists(st.tuples(*[scales] * n), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    at = draw(st.integers(-1000, 10**12))
    limits = np.iinfo(dtype)
    found = []
    kinds_of_item = st.sampled_from([markers, readings]) | st.integers(0, 300)
    for length in draw(st.lists(kinds_of_item, min_size=1, max_size=12)):
        if not isinstance(length, int):
            found.append(draw(length))
            continue
        at += draw(st.sampled_from([0, 0, 1, 50, 1000]))
        codes = rng.integers(limits.min, limits.max, (n, length), endpoint=True).astype(dtype)
        clipped = tuple(rng.integers(0, length + 1, n).tolist())
        found.append(Block(at, codes, draw(st.sampled_from(kinds)), clipped, draw(int64), 3))
        at += length
    return stream, found


def oracle(stream, items, start, stop):
    """Return the samples of ``[start, stop)``, one by one: a dict of what was captured."""
    captured = {}
    for block in items:
        if isinstance(block, Block):
            for k in range(block.n_samples):
                values = []
                for row, channel, scale in zip(
                    block.codes, stream.channels, block.scales, strict=True
                ):
                    reading = scale.gain * int(row[k]) + scale.offset
                    values.append(value(channel.probe, reading))
                captured[block.start + k] = [*values, _power(stream, values)]
    nothing = [math.nan] * (len(stream.channels) + 1)
    return np.array([captured.get(k, nothing) for k in range(start, stop)]).reshape(
        stop - start, len(nothing)
    ).T  # fmt: skip


def value(probe, reading):
    """Return what a probe and its calibration make of a reading."""
    found = probe.calibration
    return found.gain * (probe.ratio * reading + probe.offset) + found.offset


def _power(stream, values):
    if stream.channels[0].quantity is Quantity.POWER:
        return sum(values)
    return values[0] * values[1]
