"""Open-Sora on a GPU that runs behind the host: here one that is a story, told by its queue."""

import json

import pytest
from opensora_runs import command_of, opensora, plain

STEPS = {"v1_2": 12, "v1_3": 6}


def gpu_of(folder):
    """Return where a run's GPU tells its story, and how that is asked for."""
    file = folder / "gpu.json"
    return file, {"FAKE_GPU": str(file)}


@pytest.mark.parametrize("version", STEPS)
def test_timesteps_that_lie_on_the_gpu_are_told_without_waiting_for_it(version, tmp_path):
    file, env = gpu_of(tmp_path)
    told = opensora(version, tmp_path, env=env)
    waits = json.loads(file.read_text())["n_waits"]
    names = [s.attrs["timestep"] for s in told.stages if s.name == "denoise_step"]
    calls = [float(line.split()[1]) for line in told.out.splitlines() if line.startswith(b"step")]
    assert names == pytest.approx(calls)
    assert len(names) == STEPS[version]
    assert names[0] == 1000.0 > names[1] > 700  # not a third less: it is transformed
    command, how = command_of(version, tmp_path)
    plain(command, cwd=how["cwd"], env={**how["env"], **env})
    assert json.loads(file.read_text())["n_waits"] == waits
