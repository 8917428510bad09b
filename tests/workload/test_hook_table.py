"""The table of hooks, held against checkouts."""

import ast
import shutil
from pathlib import Path

import pytest
from opensora_runs import checkout

from monitor.workload.check import check, main
from monitor.workload.hooktable import TARGETS
from monitor.workload.opensora import OpenSora
from monitor.workload.probe import version_of

FAKES = Path(__file__).with_name("fakes")
ROOM = Path(check.__code__.co_filename).parent


VERSIONS = {
    "v1_0": "1.0", "v1_1": "1.1", "v1_2": "1.2", "v1_3": "1.3", "v2_0": "2.0",
    "v2_0_scaling": "2.0-scaling",
}  # fmt: skip


def problems(folder):
    return {f.target.name: f.problem for f in check(folder, FAKES)[1] if f.problem}


@pytest.mark.parametrize("folder", VERSIONS)
def test_a_version_is_known_by_its_structure_and_has_all_that_the_hooks_need(folder, tmp_path):
    made = checkout(folder, tmp_path)
    assert version_of(made / "opensora") == VERSIONS[folder]
    assert check(made, FAKES)[0] == VERSIONS[folder]
    assert problems(made) == {}
    hooks = [finding for finding in check(made, FAKES)[1] if finding.is_hook]
    assert len(hooks) == len(TARGETS[VERSIONS[folder]])


def changed(folder, path, before, after):
    """Make a copy of the fake of 2.0 in which something is different; return what is wrong."""
    shutil.copytree(FAKES / "v2_0", folder / "copy")
    file = folder / "copy" / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    return problems(folder / "copy")


def test_another_signature_is_named(tmp_path):
    found = changed(tmp_path, "opensora/utils/cai.py", "environment():", "environment(backend):")
    assert found == {"init_inference_environment": "has parameters (backend), expected ()"}


def test_a_module_that_is_gone_is_named(tmp_path):
    shutil.copytree(FAKES / "v2_0", tmp_path / "copy")
    (tmp_path / "copy/opensora/utils/prompt_refine.py").unlink()
    (found,) = problems(tmp_path / "copy").items()
    assert found[0] == "refine_prompts"
    assert found[1].startswith("module cannot be read")


HUNYUAN = "opensora/models/hunyuan_vae/autoencoder_kl_causal_3d.py"
SAMPLING = "opensora/utils/sampling.py"
SCRIPT = "scripts/diffusion/inference.py"


@pytest.mark.parametrize(
    ("path", "before", "after", "name", "problem"),
    [
        (HUNYUAN, "def decode(", "def undo(", "AutoencoderKLCausal3D.decode",
         "is not defined there"),
        (HUNYUAN, "self.decoder =", "self.undo =", "AutoencoderKLCausal3D.decoder",
         "is not given to itself by the object"),
        (HUNYUAN, "(Module)", "(object)", "AutoencoderKLCausal3D",
         "is no class of torch's modules"),
        (SAMPLING, "x = denoiser.denoise(", "x = denoiser.run(", "prepare_api.api_fn",
         "does not call denoiser.denoise"),
        (SAMPLING, ", timesteps=timesteps, g", ", times=timesteps, g", "prepare_api.api_fn",
         "does not call denoiser.denoise with timesteps by name"),
        (SAMPLING, "txt = t5(", "txt = t5.forward(", "prepare", "does not call t5"),
        (SCRIPT, "model_ae = model_ae.to(", "model_ae = model_ae.move(", "main",
         "does not call model_ae.to"),
        (SCRIPT, "booster.boost(model=model)", "booster.boost(model)", "main",
         "does not call booster.boost with model by name"),
        (SCRIPT, '"generated_condition"', '"image"', "main",
         "does not have the text 'generated_condition'"),
    ],
)  # fmt: skip
def test_what_the_hooks_find_at_run_time_is_missed_too(
    path, before, after, name, problem, tmp_path
):
    assert changed(tmp_path, path, before, after) == {name: problem}


def test_another_colossalai_is_named(tmp_path):
    shutil.copytree(FAKES / "colossalai", tmp_path / "colossalai")
    booster = tmp_path / "colossalai/booster/booster.py"
    booster.write_text(booster.read_text().replace("def boost", "def wrap"))
    found = {f.target.name: f.problem for f in check(FAKES / "v2_0", tmp_path)[1] if f.problem}
    assert found == {"Booster.boost": "is not defined there"}
    assert all(f.target.name != "Booster.boost" for f in check(FAKES / "v2_0")[1])


def test_what_is_found_is_printed_and_counted(tmp_path, capsys):
    assert main([str(FAKES / "v2_0"), "--packages", str(FAKES)]) == 0
    assert capsys.readouterr().out == (
        f"{FAKES / 'v2_0'}: Open-Sora 2.0, 14 of 14 hooks fit,"
        " 43 of 43 things that they need are there\n"
    )
    changed(tmp_path, HUNYUAN, "def decode(", "def undo(")
    assert main([str(tmp_path / "copy")]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("13 of 13 hooks fit, 42 of 43 things that they need are there")
    assert said[1].endswith(
        "autoencoder_kl_causal_3d.AutoencoderKLCausal3D.decode is not defined there"
    )
    assert main([str(tmp_path)]) == 2


def test_a_folder_without_opensora_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no Open-Sora"):
        check(tmp_path)


@pytest.mark.parametrize("version", TARGETS)
def test_every_hook_of_the_table_exists(version):
    for target in TARGETS[version]:
        assert target.hook
        assert target.hook.startswith(":") or callable(getattr(OpenSora, target.hook))


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda p: p.name)
def test_the_room_is_written_in_python_3_8(path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
