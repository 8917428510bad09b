"""Real captures of two GPUs, against figures that were computed on their own time base."""

from pathlib import Path

import numpy as np
import pytest

from monitor.history.history import History
from monitor.model import Block, Channel, Quantity, Scale, StreamInfo, Supply

CAPTURES = Path(__file__).parents[1] / "data" / "gpu_meter"
RATE_HZ = 10_000.0
TICK_HZ = 2.9335e6
INPUTS = range(1, 5)


def captured(name):
    """A history of a capture, held from sample to sample on an even grid."""
    records = np.fromfile(CAPTURES / name / "PMD_data.bin", "<u2").reshape(-1, 9)
    steps = np.diff(records[:, 0].astype(np.int64)) % 65_536
    at = np.concatenate(([0], np.cumsum(steps))) / TICK_HZ
    codes = (records[:, 1:].view(np.int16) >> 4) & 0xFFF
    codes[codes >= 0x800] = 0  # as the meter's own program has it
    n = int(at[-1] * RATE_HZ)
    held = codes[np.searchsorted(at, np.arange(n) / RATE_HZ, "right") - 1].T
    quantities = (Quantity.VOLTAGE, Quantity.CURRENT)
    history = History(
        StreamInfo(
            channels=tuple(
                Channel(name=f"{quantity.value} {k}", quantity=quantity, rail=str(k))
                for k in INPUTS
                for quantity in quantities
            ),
            sample_rate_hz=RATE_HZ, t0_ns=0, t0_uncertainty_ns=0, dtype="int16", continuous=True,
        ),
        seconds=20.0, max_bytes=1 << 28, average_windows_s=(1.0,), ramp_windows_s=(0.01, 0.1),
    )  # fmt: skip
    scales = (Scale(7.568e-3, 0.0), Scale(48.8e-3, 0.0)) * len(INPUTS)
    for start in range(0, n, 1000):
        part = held[:, start : start + 1000]
        history.append(Block(start, part, scales, (0,) * 8, 0, 0))
    return history


@pytest.mark.parametrize(
    ("name", "energy_j", "peak_w", "ramps", "steady_w"),
    [
        ("3090_TR", 3715.56, 463.46, ((18_170, -7709), (1871, -2057)), 440.30),
        ("A5000_TR", 2058.19, 230.11, ((13_670, -4340), (1357, -797)), 222.18),
        ("5050_3090", 2693.44, None, None, None),
    ],
)
def test_a_real_gpu_ramps_as_its_reference_figures_say(name, energy_j, peak_w, ramps, steady_w):
    history = captured(name)
    metrics = history.metrics()
    assert history.supply is Supply.DC
    assert metrics.energy_j == pytest.approx(energy_j, rel=1e-3)
    if ramps is None:
        return
    found = [(ramp.max_up_w_per_s, ramp.max_down_w_per_s) for ramp in metrics.ramps]
    assert found[0] == pytest.approx(ramps[0], rel=0.01)
    assert found[1] == pytest.approx(ramps[1], rel=0.01)
    assert history.peak(*history.bounds) == pytest.approx(peak_w, rel=1e-4)
    sums, n = history.cumulative([30_000, 60_000])
    assert np.diff(sums[-1])[0] / np.diff(n)[0] == pytest.approx(steady_w, rel=0.01)
