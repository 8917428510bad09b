"""Open-Sora as it is, run by ``wattstage run``: its stages, and nothing else about it, are new."""

import pytest
from old_python import python_3_8
from opensora_runs import command_of, opensora, plain

CLIP_1_0 = """
text_encode
denoise
  denoise_step
  denoise_step
  denoise_step
vae_decode
  vae_tile
  vae_tile
save
""".strip().splitlines()

SEGMENT_1_2 = """
text_encode
denoise
  denoise_step
  denoise_step
  denoise_step
vae_decode
  vae_decode.temporal
  vae_decode.spatial
""".strip().splitlines()

CLIP_2_0 = """
latent_prep
text_encode
  text_encode.t5
  text_encode.clip
denoise
  denoise_step
  denoise_step
  denoise_step
  denoise_step
vae_decode
  vae_tile
  vae_tile
save
  save.encode
""".strip().splitlines()

LOOK_AHEAD = ["    vae_decode", "      vae_tile", "      vae_tile"]

CLIPS = {
    "v1_0": CLIP_1_0,
    "v1_1": CLIP_1_0,
    "v1_2": [*SEGMENT_1_2, "ref_encode", *SEGMENT_1_2, "save", "post.watermark"],
    "v1_3": CLIP_1_0,
    "v2_0": CLIP_2_0,
    "v2_0_scaling": [
        *CLIP_2_0[:5],
        "  denoise_step",
        "  denoise_step", *LOOK_AHEAD, *LOOK_AHEAD,
        "  denoise_step",
        "  denoise_step", *LOOK_AHEAD, *LOOK_AHEAD,
        *CLIP_2_0[9:],
    ],
}  # fmt: skip


@pytest.fixture(scope="module", params=CLIPS)
def told(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    told = opensora(request.param, folder)
    told.version, told.folder = request.param, folder / "videos"
    return told


def test_every_clip_has_its_stages(told):
    clips = [stage for stage in told.stages if stage.path == "run/clip"]
    assert [clip.index for clip in clips] == [0, 1]
    assert told.trees("run/clip") == [CLIPS[told.version]] * 2
    assert not any(stage.truncated for stage in told.stages)
    assert {stage.attrs["status"] for stage in told.stages} == {"ok"}
    assert told.points("note") == []


@pytest.mark.parametrize("version", CLIPS)
def test_a_python_of_2019_without_paho_mqtt_tells_them_as_well(version, tmp_path):
    told = opensora(version, tmp_path, python=python_3_8())
    assert (told.code, told.err) == (0, b"")
    assert told.trees("run/clip") == [CLIPS[version]] * 2


def test_steps_are_counted_and_only_the_first_of_all_is_a_warm_up(told):
    steps = [stage for stage in told.stages if stage.name == "denoise_step"]
    total = steps[0].total
    assert [step.index for step in steps] == list(range(total)) * (len(steps) // total)
    assert [bool(step.attrs.get("warmup")) for step in steps] == [True] + [False] * (len(steps) - 1)


def test_every_step_has_the_timestep_that_the_model_is_called_with(told):
    told_as = [s.attrs["timestep"] for s in told.stages if s.name == "denoise_step"]
    calls = [float(line.split()[1]) for line in told.out.splitlines() if line.startswith(b"step")]
    if told.version == "v2_0_scaling":  # of several calls in a step, the first
        calls = calls[:2] + calls[5:7]
        calls *= 2
    assert told_as == pytest.approx(calls)


def test_steps_fill_the_denoising_from_the_first_to_its_end(told):
    for denoise in (stage for stage in told.stages if stage.name == "denoise"):
        steps = [stage for stage in told.stages if stage.parent_id == denoise.span_id]
        assert [step.stop_ns for step in steps[:-1]] == [step.start_ns for step in steps[1:]]


def test_models_are_loaded_one_by_one(told):
    loaded = {s.name for s in told.stages if s.name.startswith("model_load.")}
    assert loaded >= {"model_load.dit", "model_load.vae", "model_load.t5"}


def test_the_configuration_is_told_without_the_prompt(told):
    (config,) = told.points("config")
    assert config.attrs["num_frames"] in {16, 17, 51, 113}
    assert len(config.attrs["prompt_hash"]) == 16
    assert not any("cat" in str(value) or "rain" in str(value) for value in config.attrs.values())


def test_output_and_videos_are_what_they_are_without_us(told, tmp_path):
    command, how = command_of(told.version, tmp_path)
    alone = plain(command, **how)
    assert (alone.returncode, alone.stdout, alone.stderr) == (told.code, told.out, told.err)
    videos = sorted(told.folder.iterdir())
    assert [path.read_text() for path in videos] == [
        (tmp_path / "videos" / path.name).read_text() for path in videos
    ]
    assert len(videos) == 2
