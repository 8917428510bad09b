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


def billed(told, gpu, kind):
    """Return which share of the GPU's time for a kind of work lies in stages, by their names."""
    work = [(begin, end) for name, begin, end in gpu["work"] if name == kind]
    shares = {}
    for stage in told.stages:
        inside = sum(
            max(0, min(end, stage.stop_ns) - max(begin, stage.start_ns)) for begin, end in work
        )
        shares[stage.name] = shares.get(stage.name, 0.0) + inside
    whole = sum(end - begin for begin, end in work)
    return {name: inside / whole for name, inside in shares.items()}


@pytest.mark.parametrize("version", STEPS)
@pytest.mark.parametrize("mode", ["event", "sync", "host"])
def test_the_gpus_decoding_is_billed_to_decoding_unless_the_hosts_time_is_asked_for(
    version, mode, tmp_path
):
    file, env = gpu_of(tmp_path)
    told = opensora(version, tmp_path, "--loop", "1", env=env, options=["--timing", mode])
    share = billed(told, json.loads(file.read_text()), "tile")
    if mode == "host":  # the first thing that waits for the pixels is what saves them
        assert share["save"] > 0.5 > share["vae_decode"]
    else:
        assert share["vae_decode"] > 0.8
        assert share["save"] < 0.1
    assert share["clip"] > 0.8
    inside = [m for m in told.markers if m.span_id and m.stage != "run"]
    assert {marker.timing for marker in inside} == {mode}
    bounds = [marker.attrs.get("uncertainty_s") for marker in inside]
    assert all(bound is not None for bound in bounds) == (mode == "event")
    if mode == "event":
        assert all(stage.uncertainty_ns > 0 for stage in told.stages if stage.name == "vae_decode")
