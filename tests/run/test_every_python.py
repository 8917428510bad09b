"""Open-Sora's environments are old and new: the hooks work on every Python that is at hand."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from opensora_runs import command_of, plain, run
from test_failing_programs import CAUGHT, TO_THE_END, failing

PYTHONS = [f"3.{minor}" for minor in range(8, 15)]
OF_TRACEBACKS = ["3.8", "3.10", "3.11", "3.14"]  # the ends, and where what Python prints changed


def python_of(version):
    """Return a Python of that version which runs here; the test is skipped if there is none."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = [shutil.which(f"python{version}"), *root.glob(f"versions/{version}.*/bin/python")]
    for python in filter(None, found):
        asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if (
            subprocess.run(asked, capture_output=True, check=False, text=True).stdout[:-1]
            == version
        ):
            return str(python)
    pytest.skip(f"no Python {version} is installed")


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("version", ["v1_2", "v2_0"])
def test_the_stages_are_marked(python, version, tmp_path):
    command, how = command_of(version, tmp_path)
    told = run([python_of(python), *command[1:]], **how)
    assert (told.code, told.err, told.points("note")) == (0, b"", [])
    clips = [stage for stage in told.stages if stage.name == "clip"]
    assert [clip.attrs["status"] for clip in clips] == ["ok", "ok"]
    steps = [stage for stage in told.stages if stage.name == "denoise_step"]
    assert all("timestep" in step.attrs for step in steps)
    assert len(steps) == (12 if version == "v1_2" else 8)
    assert not any(stage.truncated for stage in told.stages)


@pytest.mark.parametrize("python", OF_TRACEBACKS)
def test_a_program_that_fails_prints_what_it_would(python, tmp_path):
    (_, *command), how = failing("v2_0", tmp_path)
    command = [python_of(python), *command]
    told, alone = run(command, **how), plain(command, **how)
    assert b"OutOfMemoryError" in alone.stderr
    assert (told.code, told.err) == (alone.returncode, alone.stderr)


@pytest.mark.parametrize("python", OF_TRACEBACKS)
def test_what_it_catches_and_prints_has_lines_of_ours_only_before_3_11(python, tmp_path):
    (_, *command), how = failing("v2_0", tmp_path, CAUGHT.format(then=TO_THE_END))
    command = [python_of(python), *command]
    told, alone = run(command, **how), plain(command, **how)
    is_same = told.err == alone.stderr
    assert is_same == (int(python[2:]) >= 11)
    ours = [line for line in told.err.splitlines() if b"workload" in line and b"calls.py" in line]
    assert (len(ours) > 0) != is_same
