"""The lag of slow channels, from a recording, by its command."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from fake_meters import WALL, WATER
from fakes import INFO, RATE_HZ, SCALES, T0_NS

from monitor.analysis.lags import ChannelLag
from monitor.dsp.lag import Lag
from monitor.dsp.trailing import Shape
from monitor.model import NS, Block, Reading, SlowChannel
from monitor.recording.recorder import Recorder
from monitor.terminal.lags import LagText

SECONDS = 40
AVERAGE = SlowChannel(
    name="GPU 0 power, NVML 1 s average", source="NVIDIA H100", unit="W", interval_s=0.1,
    window_s=1.0,
)  # fmt: skip
LIMIT = SlowChannel(name="limit", source="x", unit="W", interval_s=1.0, is_setting=True)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """12 V, an irregular load, and a sensor that shows the mean of the last second at 0.8."""
    path = tmp_path_factory.mktemp("lag") / "run.h5"
    random = np.random.default_rng(4)
    power_w = np.repeat(random.choice([60.0, 120.0, 240.0, 360.0], SECONDS * 4), 2500)
    energy_j = np.concatenate(([0.0], np.cumsum(power_w))) / RATE_HZ
    with Recorder(path, INFO) as recorder:
        for start in range(0, power_w.size, 10_000):
            codes = np.empty((2, 10_000), np.int16)
            codes[0] = 12_000
            codes[1] = np.round(power_w[start : start + 10_000] / 12 * 1000)
            host_ns = T0_NS + round(start / RATE_HZ * NS)
            recorder.write(Block(start, codes, SCALES, (0, 0), host_ns, 1000))
        for channel in (AVERAGE, WALL, WATER, LIMIT):
            recorder.announce([channel])
        for k in range(20, SECONDS * 10):
            at = round((k / 10 + 0.01 * random.random()) * RATE_HZ)
            mean_w = energy_j[at - 1000] - energy_j[at - 11_000]  # 0.1 s ago, over 1 s
            time_ns = T0_NS + round(at / RATE_HZ * NS)
            for channel, value in ((AVERAGE, 0.8 * mean_w - 30 + random.normal()), (WALL, 100.0)):
                recorder.add(
                    Reading(channel=channel, time_ns=time_ns, received_ns=time_ns, value=value)
                )
    return path


def told(*words):
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", *map(str, words)],
        check=True, capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "300"},
    ).stdout  # fmt: skip


def test_the_lag_of_each_power_is_told(recording):
    average, wall = json.loads(told("lag", recording, "--json"))["slow"]
    found = average["lag"]
    assert average["channel"]["name"] == AVERAGE.name
    assert found["shape"] == "boxcar"
    assert found["delay_s"] == pytest.approx(0.6, abs=0.01)
    assert found["window_s"] == pytest.approx(1.0, abs=0.02)
    assert found["gain"] == pytest.approx(0.8, abs=0.01)
    assert found["offset_w"] == pytest.approx(-30.0, abs=3.0)
    assert found["correlation"] > 0.999
    assert wall["channel"]["name"] == WALL.name
    assert "expected 40 or more" in wall["why_not"]


def test_people_read_a_sentence_about_each(recording):
    text = told("lag", recording)
    assert re.search(
        r"^GPU 0 power, NVML 1 s average, by NVIDIA H100"
        r"\n  \d{3} ms ± \S+ ms behind the samples, a mean of \S+ m?s ± \S+ ms;"
        r" shows 0\.(79|80)\d of their power − \S+ W; correlation 0\.999 over \d+ readings\n",
        text,
    )
    assert "wall power, by WT310\n  not known: 0 of its 380 readings are new" in text


def test_a_window_that_is_not_known_is_told_as_a_limit():
    found = Lag(Shape.BOXCAR, -0.01, 0.002, 0.005, 0.02, 1.0, 0.0, 0.99999, 50)
    (_, sentence) = LagText([ChannelLag(AVERAGE, found, "")]).__rich_console__(None, None)
    assert sentence.plain == (
        "  10.0 ms ± 2.0 ms ahead of the samples, a mean of no more than 45.0 ms; shows 1.000 of"
        " their power + 0 W; correlation 0.999 over 50 readings"
    )


def test_a_recording_without_slow_channels_says_so(tmp_path):
    with Recorder(tmp_path / "r.h5", INFO) as recorder:
        recorder.write(
            Block(0, np.ones((2, 100), np.int16), SCALES, (0, 0), T0_NS, 1000),
        )
    assert told("lag", tmp_path / "r.h5") == "no slow channel of this recording is a power\n"
