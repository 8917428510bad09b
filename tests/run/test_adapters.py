"""Pipelines of diffusers, and functions that the user has chosen."""

import os
import sys

import pytest
from opensora_runs import FAKES, plain, run

HERE = FAKES / "diffusion"
ENV = {"PYTHONPATH": os.pathsep.join([str(HERE), str(FAKES)])}
CLIP = """
text_encode
latent_prep
denoise
  denoise_step
  denoise_step
  denoise_step
vae_decode
""".strip().splitlines()


def generate(*args):
    return run([sys.executable, "generate.py", *args], cwd=HERE, env=ENV)


def test_a_pipeline_has_its_stages_and_steps_that_are_two_calls_of_its_model():
    told = generate()
    assert told.tree("run/clip") == CLIP
    assert [s.path for s in told.stages if s.depth == 1] == [
        "run/model_load", "run/clip", "run/save", "run/clip", "run/save"
    ]  # fmt: skip
    steps = [s for s in told.stages if s.name == "denoise_step"]
    assert [(s.index, s.total) for s in steps] == [(0, 3), (1, 3), (2, 3)] * 2
    assert [bool(s.attrs.get("warmup")) for s in steps] == [True] + [False] * 5
    assert not any(s.truncated or s.attrs["status"] != "ok" for s in told.stages)


def test_a_clip_says_what_it_is_of_but_not_its_prompt():
    attrs = next(s.attrs for s in generate().stages if s.name == "clip")
    assert len(attrs.pop("prompt_hash")) == 16
    assert attrs == {
        "pipeline": "TinyVideoPipeline", "num_steps": 3, "num_frames": 9, "n_prompts": 1,
        "height": 64, "width": 96, "status": "ok",
    }  # fmt: skip


def test_a_pipeline_gives_what_it_gives_without_us():
    told = generate()
    alone = plain([sys.executable, "generate.py"], cwd=HERE, env=ENV)
    assert (told.code, told.out, told.err) == (0, alone.stdout, alone.stderr)


COMPILED = """
import sys
sys.argv = ["generate.py"]
from diffusers.pipelines.pipeline_tiny import TinyTransformer
TinyTransformer._compiled_call_impl = object()
TinyTransformer.register_forward_pre_hook = None
exec(open("generate.py").read())
"""


def test_steps_of_a_model_that_is_compiled_are_told_by_its_scheduler():
    told = run([sys.executable, "-c", COMPILED], cwd=HERE, env=ENV)
    assert told.code == 0
    assert told.tree("run/clip") == CLIP


def test_a_pipeline_that_fails_says_where():
    told = generate("1")
    failed = [s.path for s in told.stages if s.attrs["status"] == "error"]
    assert failed == ["run", "run/clip", "run/clip/denoise", "run/clip/denoise/denoise_step"]
    assert told.points("abort")[0].attrs["reason"] == "MemoryError: no more of it"


STAGES = """
[[stages]]
function = "mine.load"
stage = "model_load"

[[stages]]
module = "mine.Block"
stage = "denoise_step"

[[stages]]
module = "mine.Block"
method = "made"
stage = "build"

[[stages]]
module = "mine.Block"
method = "twice"
stage = "double"

[[stages]]
module = "mine.Block"
method = "Inner.work"
stage = "inner"
"""
USES = """
from mine import Base, Block, load
block = load()
print(type(block).__name__, block(1), block.forward(2), Base()(3))
print(Block.twice(4), block.twice(5), Block.Inner().work())
"""


def chosen(tmp_path, text, script):
    file = tmp_path / "stages.toml"
    file.write_text(text)
    options = ["--stages", str(file)]
    return run([sys.executable, "-c", script], cwd=HERE, env=ENV, options=options)


def test_functions_and_methods_of_any_kind_may_be_stages(tmp_path):
    told = chosen(tmp_path, STAGES, USES)
    assert told.out == b"Block 2 3 4\n8 10 worked\n"
    assert [(s.path, s.index) for s in told.stages[1:]] == [
        ("run/model_load", 0), ("run/model_load/build", 0),
        ("run/denoise_step", 0), ("run/denoise_step", 1),
        ("run/double", 0), ("run/double", 1), ("run/inner", 0),
    ]  # fmt: skip


def test_what_cannot_be_marked_is_noted_and_the_program_runs(tmp_path):
    text = STAGES.replace('"made"', '"maid"').replace("mine.load", "mine.later")
    told = chosen(tmp_path, text, USES)
    assert (told.code, told.out) == (0, b"Block 2 3 4\n8 10 worked\n")
    notes = [point.attrs["text"] for point in told.points("note")]
    assert [note.split(": ", 1)[1].split(": ")[0] for note in notes] == [
        "TypeError", "AttributeError"
    ], told.err  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("stages = 1", "Expected `array`"),
        ("[[stages]]\nstage = 'a'", "expected either module or function"),
        ("[[stages]]\nstage = 'a'\nmodule = 'Net'", "expected package.module.Name, got 'Net'"),
        ("[[stages]]\nstage = 'a/b'\nfunction = 'm.f'", "matching regex"),
        ("[[stages]]\nstage = 'a'\nfunction = 'm.f()'", "matching regex"),
        ("x = [", "is not TOML"),
    ],
)
def test_stages_that_are_not_understood_are_refused_before_anything_runs(tmp_path, text, problem):
    file = tmp_path / "stages.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "monitor.cli", "run", "--broker", "none"]
    done = plain([*command, "--stages", str(file), "--", "echo", "ran"])
    assert (done.returncode, done.stdout) == (1, b"")
    assert problem.encode() in b" ".join(done.stderr.split())
