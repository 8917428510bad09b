"""What Open-Sora does only if it is asked to: each has its stage, in the clip that it is for."""

import os
import shutil

import pytest
from opensora_runs import FAKES, command_of, opensora, run

SEGMENT = ["text_encode", "denoise", *["  denoise_step"] * 3]
PIXELS = ["vae_decode", *["  vae_tile"] * 2]
ENCODE_2_0 = ["latent_prep", "text_encode", "  text_encode.t5", "  text_encode.clip"]
STEPS_2_0 = ["denoise", *["  denoise_step"] * 4]


def test_an_image_comes_first_and_models_make_room_for_each_other(tmp_path):
    told = opensora(
        "v2_0", tmp_path,
        "--use_t2i2v", "True", "--offload_model", "True", "--prompt_refine", "True",
    )  # fmt: skip
    image = [*ENCODE_2_0, *STEPS_2_0, "vae_decode", "  vae_tile"]
    assert told.trees("run/clip") == 2 * [
        [
            "prompt_refine",
            *["offload_swap"] * 4,
            "cond_image", *("  " + name for name in image),
            "save", "  save.encode",
            *["offload_swap"] * 4,
            "prompt_refine",
            "latent_prep", "ref_encode", *ENCODE_2_0[1:],
            *STEPS_2_0, *PIXELS,
            "save", "  save.encode",
        ]
    ]  # fmt: skip
    swaps = [stage.attrs["target"] for stage in told.stages if stage.name == "offload_swap"]
    assert swaps == ["cpu", "cpu", "cuda", "cuda", "cuda", "cuda", "cpu", "cpu"] * 2
    loaded = [s.name for s in told.stages if s.name.startswith("model_load.")]
    assert [name.partition(".")[2] for name in loaded] == [
        "dit", "vae", "t5", "clip", "flux", "flux_ae"
    ]  # fmt: skip
    assert [s.name for s in told.stages if s.name == "shard"] == ["shard"]


def test_a_clip_has_its_configuration_also_where_its_prompt_is_refined_first(tmp_path):
    told = opensora("v2_0", tmp_path, "--prompt_refine", "True")
    for clip in (stage for stage in told.stages if stage.name == "clip"):
        assert (clip.attrs["height"], clip.attrs["width"], clip.attrs["num_steps"]) == (192, 336, 4)
        assert clip.attrs["sp_size"] == 2


@pytest.mark.parametrize("ae", ["hunyuan_vae", "dc_ae", "autoencoder_2d"])
def test_each_autoencoder_of_2_0_has_its_tiles(ae, tmp_path):
    told = opensora("v2_0", tmp_path, "--ae", repr({"type": ae}))
    assert [s.name for s in told.stages if s.name == "vae_decode"] == ["vae_decode"] * 2
    tiles = [s.index for s in told.stages if s.name == "vae_tile"]
    assert tiles == ([0, 0] if ae == "autoencoder_2d" else [0, 1, 0, 1])


def test_what_is_done_to_the_file_of_1_3_is_part_of_its_clip(tmp_path):
    told = opensora(
        "v1_3", tmp_path, "--deflicker", "True", "--super_resolution", "2", "--watermark", "True",
        "--neg_prompt", "['blurred']",
    )  # fmt: skip
    assert told.trees("run/clip") == 2 * [
        [
            "text_encode", *SEGMENT, *PIXELS,
            "save", "post.deflicker", "post.super_resolution", "post.watermark",
        ]
    ]  # fmt: skip


@pytest.mark.parametrize(("script", "n"), [("inference.py", 1), ("inference_i2v.py", 2)])
def test_1_3_refines_a_prompt_by_its_image_too_if_there_is_one(script, n, tmp_path):
    told = opensora("v1_3", tmp_path, "--llm_refine", "True", script=f"scripts/{script}")
    assert told.trees("run/clip") == 2 * [["prompt_refine"] * n + [*SEGMENT, *PIXELS, "save"]]
    assert all(s.attrs["resolution"] == "720p" for s in told.stages if s.name == "clip")


def test_1_3_knows_the_vae_of_1_2_too(tmp_path):
    told = opensora("v1_3", tmp_path, "--vae", "{'type': 'OpenSoraVAE_V1_2'}")
    assert told.trees("run/clip") == 2 * [
        [*SEGMENT, "vae_decode", "  vae_decode.temporal", "  vae_decode.spatial", "save"]
    ]


@pytest.mark.parametrize("version", ["v1_2", "v1_3"])
def test_what_a_clip_refers_to_is_encoded_in_it_and_not_in_the_one_before(version, tmp_path):
    told = opensora(version, tmp_path, "--reference_path", "['one', 'two']", "--loop", "1")
    assert [tree[:2] for tree in told.trees("run/clip")] == [["ref_encode", "text_encode"]] * 2


def test_a_long_video_of_1_1_is_one_clip_of_many_segments(tmp_path):
    told = opensora("v1_1", tmp_path, "--loop", "3", script="scripts/inference-long.py")
    part = [*SEGMENT, *PIXELS]
    assert told.trees("run/clip") == 2 * [[*part, "ref_encode", *part, "ref_encode", *part, "save"]]


def test_inference_scaling_calls_its_model_more_often_in_a_step_only_where_it_is_on(tmp_path):
    option = {
        "num_frames": 17, "num_steps": 4, "resolution": "256px",
        "method": "i2v_inference_scaling", "do_inference_scaling": False, "num_subtree": 2,
        "scaling_steps": [1, 3],
    }  # fmt: skip
    told = opensora("v2_0_scaling", tmp_path, "--sampling_option", repr(option))
    assert [s.index for s in told.stages if s.name == "denoise_step"] == [0, 1, 2, 3] * 2


ALONE = {
    # On every process but the first: 1.3 neither decodes nor saves, the others do not save.
    "v1_2": [*SEGMENT, "vae_decode", "  vae_decode.temporal", "  vae_decode.spatial"],
    "v1_3": SEGMENT,
    "v2_0": [*ENCODE_2_0, *STEPS_2_0, *PIXELS],
}


@pytest.mark.parametrize("version", ALONE)
def test_every_process_of_a_run_has_its_clips_if_all_are_asked(version, tmp_path):
    told = opensora(version, tmp_path, ranks=2, options=["--all-ranks"])
    for rank in (0, 1):
        clips = [stage for stage in told.of_rank(rank) if stage.name == "clip"]
        assert [clip.index for clip in clips] == [0, 1]
        names = told.below(clips[0])
        assert ("save" in names) == (rank == 0)
    loop = 2 if version == "v1_2" else 1
    inside = [*ALONE[version], *["ref_encode", *ALONE[version]] * (loop - 1)]
    assert [told.below(clip) for clip in clips] == [inside] * 2


def test_the_image_of_a_clip_and_its_video_are_one_clip_on_every_process(tmp_path):
    told = opensora("v2_0", tmp_path, "--use_t2i2v", "True", ranks=2, options=["--all-ranks"])
    clips = [stage for stage in told.of_rank(1) if stage.name == "clip"]
    assert len(clips) == 2
    assert [told.below(clip).count("cond_image") for clip in clips] == [1, 1]


def test_only_the_first_process_tells_unless_all_are_asked(tmp_path):
    told = opensora("v1_3", tmp_path, ranks=2)
    assert {marker.rank for marker in told.markers} == {0}
    assert len([stage for stage in told.stages if stage.name == "clip"]) == 2


def test_without_a_method_to_hook_the_other_stages_are_marked_and_this_is_noted(tmp_path):
    made = shutil.copytree(FAKES / "v2_0", tmp_path / "copy")
    for file, before, after in (
        ("opensora/models/hunyuan_vae/autoencoder_kl_causal_3d.py", "def decode(", "def undo("),
        ("opensora/utils/sampling.py", "model_ae.decode(", "model_ae.undo("),
    ):
        text = (made / file).read_text()
        assert before in text
        (made / file).write_text(text.replace(before, after))
    command, how = command_of("v2_0", tmp_path)
    path = os.pathsep.join([str(made), str(FAKES)])
    told = run(command, cwd=made, env={**how["env"], "PYTHONPATH": path})
    assert told.trees("run/clip") == [[*ENCODE_2_0, *STEPS_2_0, "save", "  save.encode"]] * 2
    (note,) = told.points("note")
    assert "has no attribute 'decode'" in note.attrs["text"]
