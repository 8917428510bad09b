"""A calibration in words: what is stated is there, and nothing else."""

import pytest

from monitor.calibration.shown import told
from monitor.model import Calibration


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Calibration(), "not calibrated"),
        (Calibration(gain=1.004, offset=-0.053), "gain 1.004, offset −53.0 mA"),
        (
            Calibration(
                gain_uncertainty=0.003, offset_uncertainty=0.002, date="2026-11-20", note="why"
            ),
            "gain 1 ± 0.30%, offset 0 A ± 2.0 mA (2026-11-20, why)",
        ),
        (
            Calibration(deskew_s=8e-9, deskew_uncertainty_s=1e-9),
            "gain 1, offset 0 A, 0.008 µs ± 0.001 µs late",
        ),
    ],
)
def test_a_calibration_is_told(found, text):
    assert told(found, "A") == text
