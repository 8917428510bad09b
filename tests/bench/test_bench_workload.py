"""The model of an Open-Sora run."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.bench.load.timeline import Timeline
from monitor.bench.load.workload import Workload, WorkloadSettings
from monitor.errors import ConfigError
from monitor.model import Edge

STAGES = {
    *("run", "model_load", "model_load.dit", "model_load.vae", "model_load.t5", "model_load.clip"),
    *("clip", "text_encode", "text_encode.t5", "text_encode.clip", "latent_prep"),
    *("denoise", "denoise_step", "vae_decode", "vae_tile", "save"),
}

# Seconds of a clip on H100, from Open-Sora's README (2.0, 129 frames, 50 steps).
PUBLISHED = {
    ("256px", 1): 60.0,
    ("256px", 2): 40.0,
    ("256px", 4): 34.0,
    ("768px", 1): 1656.0,
    ("768px", 2): 863.0,
    ("768px", 4): 466.0,
    ("768px", 8): 276.0,
}


def spans(workload, n=10_000):
    begun, done = {}, []
    for event in itertools.islice(workload.events(), n):
        if event.edge is Edge.BEGIN:
            begun[event.key] = event
        else:
            done.append((begun.pop(event.key), event))
    assert not begun
    return done


@pytest.mark.parametrize("case", PUBLISHED)
def test_a_clip_takes_the_published_time_within_a_tenth(case):
    resolution, n_gpus = case
    workload = Workload(
        WorkloadSettings(resolution=resolution, n_gpus=n_gpus, n_clips=2, speed=1.0)
    )
    _, last = [span for span in spans(workload) if span[0].stage == "clip"]
    assert last[1].t_s - last[0].t_s == pytest.approx(PUBLISHED[case], rel=0.10)


@pytest.mark.parametrize(("resolution", "n_tiles"), [("256px", 2), ("768px", 18)])
def test_the_vae_decodes_in_the_tiles_of_its_grid(resolution, n_tiles):
    done = spans(Workload(WorkloadSettings(resolution=resolution, n_clips=1)))
    tiles = [begin for begin, _ in done if begin.stage == "vae_tile"]
    assert [tile.index for tile in tiles] == list(range(n_tiles))
    assert {tile.total for tile in tiles} == {n_tiles}


def test_a_stranger_sees_every_stage_within_twenty_seconds():
    events = itertools.takewhile(lambda event: event.t_s < 20.0, Workload().events())
    assert {event.stage for event in events if event.edge is Edge.END} == STAGES - {"run"}


@given(
    st.sampled_from(["256px", "768px"]),
    st.sampled_from([1, 2, 4]),
    st.integers(0, 32),
    st.integers(1, 60),
    st.integers(1, 4),
    st.floats(0.5, 100.0),
)
@settings(max_examples=25)
def test_stages_are_nested_in_time_as_they_are_in_name(
    resolution, n_gpus, frames, steps, n_clips, speed
):
    workload = Workload(
        WorkloadSettings(
            resolution=resolution,
            n_gpus=n_gpus,
            frames=4 * frames + 1,
            steps=steps,
            n_clips=n_clips,
            speed=speed,
        )
    )
    open_keys, last_s = [""], 0.0
    counts = {}
    for event in workload.events():
        assert event.t_s >= last_s
        last_s = event.t_s
        if event.edge is Edge.BEGIN:
            assert event.parent == open_keys[-1]
            assert event.key.startswith(event.parent)
            open_keys.append(event.key)
            counts[event.stage] = counts.get(event.stage, 0) + 1
        else:
            assert open_keys.pop() == event.key
    assert open_keys == [""]
    assert last_s == workload.end_s
    assert set(counts) == STAGES
    assert counts["clip"] == n_clips
    assert counts["denoise_step"] == n_clips * steps


def test_speed_shortens_everything_alike():
    slow, fast = (Workload(WorkloadSettings(n_clips=2, speed=speed)) for speed in (1.0, 5.0))
    for one, other in zip(slow.events(), fast.events(), strict=True):
        assert other.t_s == pytest.approx(one.t_s / 5.0)
        assert other.key == one.key


def test_only_the_first_step_of_the_first_clip_warms_up():
    done = spans(Workload(WorkloadSettings(n_clips=2)))
    warm = [begin.key for begin, _ in done if begin.attrs.get("warmup")]
    assert warm == ["run/clip0/denoise/denoise_step0"]
    lengths = {begin.key: end.t_s - begin.t_s for begin, end in done}
    assert lengths[warm[0]] > 5 * lengths["run/clip1/denoise/denoise_step0"]


def test_later_clips_are_alike_and_numbered():
    workload = Workload(WorkloadSettings(n_clips=3))
    clips = [span for span in spans(workload) if span[0].stage == "clip"]
    assert [begin.index for begin, _ in clips] == [0, 1, 2]
    assert [begin.total for begin, _ in clips] == [3, 3, 3]
    assert len({begin.attrs["seed"] for begin, _ in clips}) == 3
    lengths = [end.t_s - begin.t_s for begin, end in clips]
    assert lengths[1] == pytest.approx(lengths[2])


def test_without_a_number_of_clips_there_is_always_another():
    workload = Workload(WorkloadSettings(speed=1000.0, steps=1))
    events = itertools.islice(workload.events(), 5000)
    clips = [event for event in events if event.stage == "clip" and event.edge is Edge.BEGIN]
    assert [event.index for event in clips] == list(range(len(clips)))
    assert len(clips) > 100
    middle_s = np.array([clip.t_s for clip in clips[1:]])
    quiet = Workload(WorkloadSettings(speed=1000.0, steps=1, texture=0.0))
    powers = quiet.power(middle_s + 1e-4)
    np.testing.assert_allclose(powers, powers[0], rtol=1e-6)


def test_the_machine_is_idle_before_and_after():
    workload = Workload(WorkloadSettings(n_clips=1, texture=0.0))
    idle_w = (150.0 + 70.0) / 0.92
    times_s = np.array([-5.0, 0.0, 0.9, workload.end_s + 0.001, workload.end_s + 1000.0])
    np.testing.assert_allclose(workload.power(times_s), idle_w)


@pytest.mark.parametrize(
    ("stage", "low", "high"),
    [("denoise_step", 0.93, 0.98), ("text_encode.t5", 0.6, 0.8), ("vae_tile", 0.70, 0.97)],
)
def test_the_card_draws_its_published_share_of_the_limit(stage, low, high):
    settings = WorkloadSettings(n_clips=1, host_w=0.0, psu_efficiency=1.0, speed=1.0)
    workload = Workload(settings)
    for begin, end in spans(workload):
        if begin.stage == stage and not begin.attrs.get("warmup"):
            mean_w = workload.energy_j(begin.t_s, end.t_s) / (end.t_s - begin.t_s)
            assert low - 0.03 < (mean_w - 20.0) / settings.tdp_w < high + 0.03


@given(st.floats(0.0, 40.0), st.floats(0.0, 10.0), st.floats(0.0, 1.0))
@settings(max_examples=15)
def test_energy_is_additive(start_s, length_s, share):
    workload = Workload(WorkloadSettings())
    stop_s, cut_s = start_s + length_s, start_s + share * length_s
    parts = workload.energy_j(start_s, cut_s) + workload.energy_j(cut_s, stop_s)
    assert parts == pytest.approx(workload.energy_j(start_s, stop_s), rel=1e-5, abs=1e-2)


def test_energy_is_the_area_under_the_power():
    workload = Workload(WorkloadSettings())
    n = 1_000_000
    middle_s = 4.0 + (np.arange(n) + 0.5) * (8.0 / n)
    area_j = workload.power(middle_s).sum() * 8.0 / n
    assert workload.energy_j(4.0, 12.0) == pytest.approx(area_j, rel=1e-6)


def test_the_power_never_leaves_its_limits():
    workload = Workload(WorkloadSettings(texture=0.0))
    power_w = workload.power(np.linspace(0.0, 40.0, 400_001))
    assert power_w.min() == pytest.approx((150.0 + 70.0) / 0.92)
    assert power_w.max() <= workload.peak_w


def test_overshoot_decays_to_the_level():
    line = Timeline(1.0, 100.0)
    line.hold(1.0, 500.0, overshoot_w=20.0)
    times_s = np.array([0.0003, 0.0103, 0.0603, 0.5, 1.0])
    np.testing.assert_allclose(line.power(times_s), [520.0, 511.0, 500.0, 500.0, 500.0])
    assert line.peak_w == 520.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"resolution": "1080p"}, "256px or 768px"),
        ({"n_gpus": 8}, "1, 2 or 4 GPUs, got 8"),
        ({"frames": 130}, "frames"),
        ({"frames": 16}, "frames"),
        ({"steps": 0}, "steps"),
        ({"n_clips": 0}, "clips"),
        ({"speed": 0.0}, "speed"),
        ({"speed": float("nan")}, "speed"),
    ],
)
def test_a_wrong_setting_is_named(wrong, says):
    with pytest.raises(ConfigError, match=says):
        WorkloadSettings(**wrong)
