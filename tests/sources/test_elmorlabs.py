"""Real captures give the figures that were computed from them independently."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import ConfigError, RecordingError
from monitor.model import Block, Edge, Marker, Supply
from monitor.sources.elmorlabs import CaptureSource, load

CAPTURES = Path(__file__).parents[1] / "data" / "gpu_meter"
NAMES = ("3090_TR", "A5000_TR", "5050_3090")

FIGURES = {  # records, duration in s, energy in J
    "3090_TR": (66_852, 13.9906, 3715.56),
    "A5000_TR": (67_012, 14.0135, 2058.19),
    "5050_3090": (47_940, 10.0329, 2693.44),
}
BY_INPUT_J = {
    "3090_TR": (1019.1, 2133.3, 550.6, 12.5),
    "A5000_TR": (1540.9, 51.8, 451.4, 14.1),
}
LOAD_S = {
    "3090_TR": (1.050236, 6.979026, 12.979137),
    "A5000_TR": (1.050241, 7.018379, 13.018468),
}


def held_energy_j(capture):
    """Return the energy of each input: every reading holds until the next."""
    power_w = (capture.volts * capture.amps)[:, :-1]
    return power_w @ np.diff(capture.time_s)


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_has_its_records_duration_and_energy(name):
    n_records, duration_s, energy_j = FIGURES[name]
    capture = load(CAPTURES / name)
    assert capture.codes.shape == (8, n_records)
    assert capture.codes.dtype == np.int16
    assert len(capture.time_s) == n_records
    assert capture.duration_s == pytest.approx(duration_s, abs=1e-4)
    assert held_energy_j(capture).sum() == pytest.approx(energy_j, abs=0.01)


@pytest.mark.parametrize("name", BY_INPUT_J)
def test_each_input_has_its_energy(name):
    assert held_energy_j(load(CAPTURES / name)) == pytest.approx(BY_INPUT_J[name], abs=0.06)


@pytest.mark.parametrize("name", LOAD_S)
def test_a_pulse_of_load_begins_ends_and_is_followed_by_the_end_of_the_recording(name):
    events = load(CAPTURES / name).events
    assert [(e.edge, e.name) for e in events] == [
        ("begin", "load"),
        ("end", "load"),
        ("point", "recording end"),
    ]
    assert [e.time_s for e in events] == pytest.approx(LOAD_S[name], abs=1e-6)


def test_eighty_pulses_are_told_apart():
    events = load(CAPTURES / "5050_3090").events
    begins = [e for e in events if e.edge == "begin"]
    ends = [e for e in events if e.edge == "end"]
    assert [e.index for e in begins] == [e.index for e in ends] == list(range(80))
    assert {e.name for e in begins + ends} == {"pulse"}
    assert all(begin.time_s < end.time_s for begin, end in zip(begins, ends, strict=True))
    assert np.median(np.diff([e.time_s for e in begins])) == pytest.approx(0.0996, abs=5e-5)
    assert (events[0].time_s, events[-1].time_s) == pytest.approx((1.0502, 9.0239), abs=5e-5)


def test_the_load_draws_what_it_should():
    capture = load(CAPTURES / "3090_TR")
    power_w = (capture.volts * capture.amps).sum(axis=0)
    begin, end, _ = (event.time_s for event in capture.events)
    steady = (capture.time_s >= begin + 1) & (capture.time_s < end - 0.5)
    before = (capture.time_s >= 0.2) & (capture.time_s < 0.95)
    assert power_w[steady].mean() == pytest.approx(440.30, rel=1e-3)
    assert power_w[before].mean() == pytest.approx(133.53, rel=1e-3)
    assert power_w.max() == pytest.approx(463.46, abs=0.01)


def test_negative_readings_are_kept_as_codes_and_taken_as_nothing():
    capture = load(CAPTURES / "3090_TR")
    assert capture.codes[7].min() < 0
    assert np.mean(capture.codes[7] < 0) == pytest.approx(0.0132, abs=1e-4)
    assert capture.amps.min() == 0.0


def collect(source):
    async def work():
        async with source:
            return source.info, [item async for item in source.items()]

    return asyncio.run(work())


def stream_energy_j(info, items, *, signed=False):
    blocks = [item for item in items if isinstance(item, Block)]
    total = 0.0
    for block in blocks:
        gain = np.array([scale.gain for scale in block.scales])[:, np.newaxis]
        values = block.codes * gain
        total += float((values[0::2] * values[1::2]).sum()) / info.sample_rate_hz
    return total


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate_hz", [4873.0, 10_000.0, 20_000.0])
def test_the_grid_keeps_the_energy(name, rate_hz):
    info, items = collect(CaptureSource(CAPTURES / name, sample_rate_hz=rate_hz))
    assert stream_energy_j(info, items) == pytest.approx(FIGURES[name][2], rel=5e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_stream_has_no_gap_and_its_markers_are_in_time_order(name):
    info, items = collect(CaptureSource(CAPTURES / name))
    stop, times = 0, []
    for item in items:
        if isinstance(item, Marker):
            assert info.time_ns(stop) <= item.time_ns
            times.append(item.time_ns)
        else:
            assert item.start == stop
            assert all(time < info.time_ns(item.stop) for time in times)
            stop = item.stop
    assert times == sorted(times)
    assert len(times) == len(load(CAPTURES / name).events)
    assert stop / info.sample_rate_hz == pytest.approx(FIGURES[name][1], abs=1e-4)


def test_the_stream_says_what_it_is():
    info, items = collect(CaptureSource(CAPTURES / "A5000_TR"))
    assert [(c.rail, c.quantity.unit) for c in info.channels] == [
        (f"input {k}", unit) for k in range(1, 5) for unit in "VA"
    ]
    assert (info.supply, info.continuous, info.dtype) == (Supply.DC, True, "int16")
    start_us = int((CAPTURES / "A5000_TR" / "PMD_start_ts.txt").read_text())
    assert info.t0_ns == (start_us - 50_000) * 1000
    assert all(block.codes.dtype == np.int16 for block in items if isinstance(block, Block))
    begin, end = (m for m in items if isinstance(m, Marker) and m.edge is not Edge.INSTANT)
    assert (begin.edge, end.edge, begin.span_id) == (Edge.BEGIN, Edge.END, end.span_id)


def test_the_grid_holds_the_newest_reading():
    capture = load(CAPTURES / "3090_TR")
    _, items = collect(CaptureSource(CAPTURES / "3090_TR", sample_rate_hz=5000.0, signed=True))
    codes = np.concatenate([i.codes for i in items if isinstance(i, Block)], axis=1)
    for k in range(0, codes.shape[1], 997):
        newest = max(j for j, time_s in enumerate(capture.time_s) if time_s <= k / 5000.0)
        assert codes[:, k].tolist() == capture.codes[:, newest].tolist()


def test_signed_readings_are_kept_on_request():
    _, clipped = collect(CaptureSource(CAPTURES / "3090_TR"))
    _, signed = collect(CaptureSource(CAPTURES / "3090_TR", signed=True))
    lows = [
        min(b.codes.min() for b in items if isinstance(b, Block)) for items in (clipped, signed)
    ]
    assert lows[0] == 0
    assert lows[1] < 0


@pytest.fixture
def copied(tmp_path):
    return Path(shutil.copytree(CAPTURES / "A5000_TR", tmp_path / "capture"))


@pytest.mark.parametrize("name", ["PMD_data.bin", "PMD_start_ts.txt", "timestamps.csv"])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(RecordingError, match=f"{name} cannot be read: No such file"):
        load(copied)


@pytest.mark.parametrize(
    ("name", "content", "tells"),
    [
        ("PMD_data.bin", b"", "got 0 bytes"),
        ("PMD_data.bin", bytes(18), "got 18 bytes"),
        ("PMD_data.bin", bytes(18 * 5 + 7), r"got 97 bytes \(7 left over\)"),
        ("PMD_data.bin", bytes(18 * 5), "12-bit readings|tick"),
        ("PMD_data.bin", b"wattstage" * 20, "12-bit readings"),
        ("PMD_start_ts.txt", b"", "UTC in microseconds, got ''"),
        ("PMD_start_ts.txt", b"yesterday", "got 'yesterday'"),
        ("PMD_start_ts.txt", b"1688840856", "got '1688840856'"),
        ("PMD_start_ts.txt", b"-688840856595391", "UTC in microseconds"),
        ("PMD_start_ts.txt", b"\xff\xfe\x00", "UTC in microseconds"),
        ("timestamps.csv", b"", "the header 'timestamp'"),
        ("timestamps.csv", b"time\n1\n", "got 'time'"),
        ("timestamps.csv", b"timestamp\n1688840857595627\n", "every time twice, got .* 1 times"),
        ("timestamps.csv", b"timestamp\n1688840857595627\n1688840857595628\n", "each twice"),
        ("timestamps.csv", b"timestamp\n" + b"1688840857595627\n" * 4, "rising times"),
        ("timestamps.csv", b"timestamp\nx\nx\n", "got 'x'"),
    ],
)
def test_a_damaged_file_is_named_with_what_was_expected_and_came(copied, name, content, tells):
    (copied / name).write_bytes(content)
    with pytest.raises(RecordingError, match=tells) as caught:
        load(copied)
    assert str(copied / name) in str(caught.value)


def test_a_lost_byte_is_noticed(copied):
    data = (copied / "PMD_data.bin").read_bytes()
    (copied / "PMD_data.bin").write_bytes(data[:1001] + data[1002:-17])
    with pytest.raises(RecordingError, match="12-bit readings"):
        load(copied)


def test_a_capture_without_events_is_a_capture(copied):
    (copied / "timestamps.csv").write_text("timestamp\n")
    _, items = collect(CaptureSource(copied))
    assert all(isinstance(item, Block) for item in items)


@pytest.mark.parametrize("rate_hz", [0.0, 999.0, 2e6, float("nan")])
def test_a_grid_must_be_sensible(rate_hz):
    with pytest.raises(ConfigError, match="1 kHz to 1 MHz"):
        CaptureSource(CAPTURES / "3090_TR", sample_rate_hz=rate_hz)


def test_a_source_is_used_inside_its_context():
    with pytest.raises(RuntimeError, match="outside"):
        _ = CaptureSource(CAPTURES / "3090_TR").info
