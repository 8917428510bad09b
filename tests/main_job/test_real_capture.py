"""The real RTX 3090 capture, played by the bench and recorded through PyVISA.

The figures are those of the capture itself, computed from its raw samples by zero-order hold.
"""

import json

import numpy as np
import pytest
from lab import DATA, bench, said

from monitor.markers.broker import EmbeddedBroker
from monitor.model import NS
from monitor.recording.reader import Recording

PULSE_J, PRE_W, STEADY_W = 2581.68, 133.53, 440.30
BEGIN_S, END_S = 1.050236, 6.979026
FIRST_RISE_S = 0.00146


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("capture")
    path = folder / "3090.h5"
    with EmbeddedBroker() as broker:
        played = ("--capture", DATA / "3090_TR", "--no-loop", "--start-delay", 2)
        with bench(*played, "--broker", broker.url) as address:
            said(
                "record", "--quiet", "--visa", address, "--broker", broker.url,
                "--seconds", 12, "--rate", 20_000, "--record-length", 0.05,
                "--endpoint", f"ipc://{folder / 'e.ipc'}", "-o", path,
            )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def table(recorded):
    return json.loads(said("stages", recorded, "--json"))


def mean_w(recording, start_ns: int, stop_ns: int) -> float:
    index = recording.info.index_at
    return float(np.nanmean(recording.read(index(start_ns), index(stop_ns))[-1]))


def test_the_pulse_has_its_energy(table):
    (pulse,) = table["stages"]
    assert pulse["duration_s"] == pytest.approx(END_S - BEGIN_S, abs=0.002)
    assert pulse["energy_j"] == pytest.approx(PULSE_J, rel=0.01)
    assert not pulse["truncated"]


def test_power_before_and_during_the_pulse_is_right(recorded, table):
    (pulse,) = table["stages"]
    with Recording(recorded) as recording:
        zero_ns = pulse["start_ns"] - round(BEGIN_S * NS)
        before = mean_w(recording, zero_ns + NS // 5, zero_ns + round(0.95 * NS))
        steady = mean_w(recording, pulse["start_ns"] + NS, pulse["stop_ns"] - NS // 2)
    assert before == pytest.approx(PRE_W, rel=0.01)
    assert steady == pytest.approx(STEADY_W, rel=0.01)


def test_the_begin_marker_lies_within_5_ms_of_its_edge(recorded, table):
    (pulse,) = table["stages"]
    with Recording(recorded) as recording:
        info = recording.info
        begin = info.index_at(pulse["start_ns"])
        around = round(0.2 * info.sample_rate_hz)
        power_w = recording.read(begin - around, begin + around)[-1]
        risen = np.flatnonzero(power_w > PRE_W + 0.1 * (STEADY_W - PRE_W))
        late_s = (risen[0] - around) / info.sample_rate_hz
    if recording_gap_hides_the_edge(power_w, risen[0]):
        pytest.skip("the scope was blind at the edge")
    assert late_s == pytest.approx(FIRST_RISE_S, abs=0.005)


def recording_gap_hides_the_edge(power_w: np.ndarray, first: int) -> bool:
    return bool(np.isnan(power_w[first - 1]))
