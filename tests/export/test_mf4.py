"""MDF 4 files, read as other programs read them."""

import json

import asammdf
import numpy as np
import pytest
from export.exports import exported, recorded
from recording.sessions import info, note, ramp

from monitor.model import NS, Scale
from monitor.recording.reader import Recording

FINER = (Scale(0.05, 1.0), Scale(0.025, -2.0))
ITEMS = [
    ramp(1000, 1100), note("door opened", info().t0_ns + NS // 8), ramp(1100, 1150, scales=FINER),
    ramp(1400, 1500), ramp(1500, 1600),
]  # fmt: skip


@pytest.mark.parametrize("codes", [True, False])
def test_every_sample_has_its_time_and_its_value(tmp_path, codes):
    path = recorded(tmp_path, info(), ITEMS)
    with Recording(path) as recording:
        signals = recording.read(1000, 1600)
    with asammdf.MDF(exported(path, tmp_path / "x.mf4", codes=codes)) as made:
        parts = [made.get("voltage", group=g) for g, _ in made.whereis("voltage")]
        assert {part.unit for part in parts} == {"V"}
        seconds = np.concatenate([part.timestamps for part in parts])
        values = np.concatenate([part.samples for part in parts])
        order = np.argsort(seconds)
        captured = np.flatnonzero(~np.isnan(signals[0]))
        assert np.rint(seconds[order] * 10_000).tolist() == captured.tolist()
        assert values[order] == pytest.approx(signals[0][captured], rel=1e-6)
        raw = made.get("voltage", group=0, raw=True).samples
        assert raw.dtype == (np.int16 if codes else np.float32)
        assert made.get("markers").samples.tolist() == [b"door opened"]
        told = json.loads(bytes(made.extract_attachment(0)[0]))
        assert told["markers"][0]["attrs"] == {"text": "door opened"}
        assert abs(made.start_time.timestamp() - info().t0_ns / NS - 0.1) < 1e-6


def test_codes_of_one_range_are_in_one_group(tmp_path):
    path = recorded(tmp_path, info(), ITEMS)
    with asammdf.MDF(exported(path, tmp_path / "x.mf4", codes=True)) as made:
        assert len(made.whereis("voltage")) == 2
        assert len(made.get("current", group=0)) == 300
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made.h5", "x.mf4"]
