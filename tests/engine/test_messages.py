import msgspec
import numpy as np
import pytest

from monitor.engine import messages as m
from monitor.model import Frame, SlowChannel, SlowValue, SlowView, Snapshot, Supply, Timeline, View

SNAPSHOT = Snapshot(
    version=1, state="running", now_ns=5, info=None, supply=Supply.AUTO, start=0, stop=3,
    average_windows_s=(1.0,), ramp_windows_s=(0.1,), metrics=None, stages=(), n_markers=0,
    n_malformed_markers=0, lag_s=0.0, recording=None, warnings=(),
)  # fmt: skip
NOTHING = Timeline(stages=(), marks=())


def travelled(frame: Frame) -> Frame:
    return m.decode_reply(m.encode(m.FrameReply.of(frame))).frame()


def test_a_frame_survives_the_journey():
    view = View(
        np.array([0, 2, 3], np.int64),
        np.array([[1, np.nan], [3, 4], [5, 6]], np.float32),
        np.array([[2, np.nan], [4, 5], [6, 7]], np.float32),
        np.array([[8, 9]], np.float32),
        np.array([[np.nan, 9]], np.float32),
        np.array([[[7, 8]], [[8, 9]]], np.float32),
        np.array([[[np.nan, 9]], [[np.nan, 10]]], np.float32),
        np.array([0.75, 1.0], np.float32),
    )
    back = travelled(Frame(SNAPSHOT, view, NOTHING))
    assert back.snapshot == SNAPSHOT
    assert back.view is not None
    for name in (
        "edges",
        "low",
        "high",
        "averages_w",
        "ramps_w_per_s",
        "average_lines_w",
        "ramp_lines_w_per_s",
        "coverage",
    ):
        np.testing.assert_array_equal(getattr(back.view, name), getattr(view, name))


def test_a_frame_without_data_survives_the_journey():
    assert travelled(Frame(SNAPSHOT, None, NOTHING)).view is None


@pytest.mark.parametrize("n_steps", [0, 2])
def test_slow_channels_survive_the_journey(n_steps):
    plug = SlowChannel(name="plug", source="µ", unit="W", interval_s=1.0, window_s=0.5)
    snapshot = msgspec.structs.replace(
        SNAPSHOT, slow=(SlowValue(channel=plug, value=1.5, age_s=0.25),)
    )
    view = SlowView(
        plug,
        np.array([1 << 60, 5], np.int64)[:n_steps],
        np.array([(1 << 60) + 1, 7], np.int64)[:n_steps],
        np.array([1, 2], np.float32)[:n_steps],
        np.array([3, 4], np.float32)[:n_steps],
    )
    back = travelled(Frame(snapshot, None, NOTHING, (view,)))
    assert back.snapshot == snapshot
    (got,) = back.slow
    assert got.channel == plug
    for name in ("starts_ns", "stops_ns", "low", "high"):
        np.testing.assert_array_equal(getattr(got, name), getattr(view, name))
        assert getattr(got, name).dtype == getattr(view, name).dtype


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", b"hello", msgspec.msgpack.encode({"type": "Nonsense"}),
     msgspec.msgpack.encode({"type": "Seek", "index": "here"}), b"\x81\xa4type\xa4See\xff"],
)  # fmt: skip
def test_a_hostile_request_is_refused(payload):
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        m.decode_request(payload)
