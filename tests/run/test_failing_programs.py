"""What ends a program is named, and the stages that it ended have failed."""

import json
import os
import shutil
import sys

import pytest
from opensora_runs import FAKES, plain, run, script_of

from monitor.run.last_words import last_words

FAILS = """
import runpy, sys
sys.argv = ["inference.py", {folder!r}]
class OutOfMemoryError(RuntimeError): pass
from opensora.models import {model} as Model
n, before = 0, Model.{forward}
def fails(*args, **kwargs):
    global n
    n += 1
    if n == 2:
        raise OutOfMemoryError("CUDA out of memory. Tried to\\n allocate 2.00 GiB")
    return before(*args, **kwargs)
Model.{forward} = fails
"""
MODELS = {"v1_2": ("STDiT3", "forward"), "v2_0": ("MMDiTModel", "forward_ckpt")}
TO_THE_END = "runpy.run_path({script!r}, run_name='__main__')"


def failing(version, folder, then=TO_THE_END):
    """Return how to run the fake of a version whose model is out of memory when called again."""
    model, forward = MODELS[version]
    script = (FAILS + then).format(
        folder=str(folder), model=model, forward=forward, script=script_of(version)
    )
    path = os.pathsep.join([str(FAKES / version), str(FAKES)])
    return [sys.executable, "-c", script], {"cwd": FAKES / version, "env": {"PYTHONPATH": path}}


def opensora(version, folder, then=TO_THE_END):
    command, how = failing(version, folder, then)
    return run(command, **how)


@pytest.mark.parametrize("version", MODELS)
def test_out_of_memory_is_named_and_every_stage_around_it_has_failed(version, tmp_path):
    told = opensora(version, tmp_path)
    assert told.code == 1
    (abort,) = told.points("abort")
    assert abort.attrs == {
        "exit_code": 1,
        "reason": "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    }
    assert failed(told) == [
        ("run", 0),
        ("run/clip", 0),
        ("run/clip/denoise", 0),
        ("run/clip/denoise/denoise_step", 1),
    ]
    assert ("run/clip/text_encode", 0) in {(stage.path, stage.index) for stage in told.stages}
    assert not any(stage.truncated for stage in told.stages)
    assert b"OutOfMemoryError: CUDA out of memory" in told.err  # as Python prints it


def test_a_program_that_goes_on_after_it_fails_in_that_clip_only(tmp_path):
    again = f"""
try:
    {TO_THE_END}
except OutOfMemoryError:
    {TO_THE_END}
"""
    told = opensora("v2_0", tmp_path, again)
    assert (told.code, told.points("abort")) == (0, [])
    assert [path for path, _ in failed(told)] == [
        "run/clip", "run/clip/denoise", "run/clip/denoise/denoise_step"
    ]  # fmt: skip
    clips = [stage for stage in told.stages if stage.name == "clip"]
    assert [clip.attrs["status"] for clip in clips] == ["error", "ok", "ok"]


CAUGHT = """
import traceback
try:
    {then}
except OutOfMemoryError as error:
    traceback.print_exc()
    raise SystemExit(5) from error
"""
CHAINED = """
try:
    {then}
except OutOfMemoryError as error:
    raise ValueError("no video") from error
"""


@pytest.mark.parametrize("version", MODELS)
@pytest.mark.parametrize("then", ["{then}", CAUGHT, CHAINED], ids=["uncaught", "caught", "chained"])
def test_the_traceback_of_a_program_is_its_own(version, then, tmp_path):
    command, how = failing(version, tmp_path, then.format(then=TO_THE_END))
    told, alone = run(command, **how), plain(command, **how)
    assert b"OutOfMemoryError" in alone.stderr
    assert (told.code, told.err) == (alone.returncode, alone.stderr)


@pytest.mark.parametrize("name", ["opensora.utils.config_utils", "opensora.registry"])
def test_so_is_that_of_an_import_that_fails(name, tmp_path):
    made = shutil.copytree(FAKES / "v1_2", tmp_path / "copy")
    file = made.joinpath(*name.split(".")).with_suffix(".py")
    file.write_text("import json\njson.loads('{')\n" + file.read_text())
    env = {"PYTHONPATH": os.pathsep.join([str(made), str(FAKES)])}
    command = [sys.executable, "scripts/inference.py", str(tmp_path)]
    told, alone = run(command, cwd=made, env=env), plain(command, cwd=made, env=env)
    assert b"JSONDecodeError" in alone.stderr
    assert (told.code, told.err) == (alone.returncode, alone.stderr)


def failed(told):
    """Return path and index of the stages that failed, in order."""
    return [(s.path, s.index) for s in told.stages if s.attrs["status"] == "error"]


def test_any_python_program_names_what_it_raised():
    told = run([sys.executable, "-c", "raise KeyError('no such thing')"])
    assert told.points("abort")[0].attrs["reason"] == "KeyError: 'no such thing'"


def test_a_program_that_exits_by_itself_gives_no_other_reason():
    told = run([sys.executable, "-c", "import sys\ntry: 1/0\nexcept Exception: sys.exit(3)"])
    assert told.points("abort")[0].attrs == {"exit_code": 3, "reason": "exit code 3"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "exit code 1"),
        ({7: "ValueError: a", 9: "TypeError: b"}, "TypeError: b"),
        ({7: "rank 1: OutOfMemoryError: a", 8: "rank 2: b", 9: "ChildFailedError: c"},
         "rank 1: OutOfMemoryError: a"),
        ({9: "ChildFailedError: c"}, "exit code 1"),
    ],
)  # fmt: skip
def test_the_program_itself_is_believed_first_and_torchrun_only_repeats(said, reason):
    with last_words() as words:
        lines = [json.dumps({"pid": pid, "ended_by": word}) + "\n" for pid, word in said.items()]
        words.file.write_text("".join(lines))
        words.pid = 9
        assert words.reason(1) == reason
        assert words.reason(137) == "killed by SIGKILL"
    assert not words.file.parent.exists()
