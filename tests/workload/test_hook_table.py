"""The table of hooks, held against checkouts."""

import ast
import shutil
from pathlib import Path

import pytest

from monitor.workload.check import check
from monitor.workload.hooktable import TARGETS
from monitor.workload.opensora import OpenSora
from monitor.workload.probe import version_of

FAKES = Path(__file__).with_name("fakes")
ROOM = Path(check.__code__.co_filename).parent


@pytest.mark.parametrize(
    ("folder", "version"),
    [("v1_0", "1.0"), ("v1_1", "1.1"), ("v1_2", "1.2"), ("v1_3", "1.3"), ("v2_0", "2.0")],
)
def test_a_version_is_known_by_its_structure(folder, version):
    assert version_of(FAKES / folder / "opensora") == version
    found, findings = check(FAKES / folder)
    assert found == version
    assert {f.target.name: f.problem for f in findings if f.problem} == {}
    assert len(findings) >= 9


def test_inference_scaling_is_known_by_its_denoiser(tmp_path):
    shutil.copytree(FAKES / "v2_0" / "opensora", tmp_path / "opensora")
    sampling = tmp_path / "opensora" / "utils" / "sampling.py"
    sampling.write_text(
        sampling.read_text() + "\n\nclass I2VScalingDenoiser(I2VDenoiser):\n    pass\n"
    )
    version, findings = check(tmp_path)
    assert version == "2.0-scaling"
    assert [f.target.name for f in findings if f.problem] == ["I2VScalingDenoiser.denoise"]


def test_another_signature_is_named(tmp_path):
    shutil.copytree(FAKES / "v2_0" / "opensora", tmp_path / "opensora")
    cai = tmp_path / "opensora" / "utils" / "cai.py"
    cai.write_text("def init_inference_environment(backend):\n    pass\n")
    (tmp_path / "opensora" / "utils" / "prompt_refine.py").unlink()
    problems = {f.target.name: f.problem for f in check(tmp_path)[1] if f.problem}
    assert problems["init_inference_environment"] == "has parameters (backend), expected ()"
    assert problems["refine_prompts"].startswith("module cannot be read")
    assert len(problems) == 2


def test_a_folder_without_opensora_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no Open-Sora"):
        check(tmp_path)


@pytest.mark.parametrize("version", TARGETS)
def test_every_hook_of_the_table_exists(version):
    for target in TARGETS[version]:
        assert target.hook.startswith(":") or callable(getattr(OpenSora, target.hook))


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda p: p.name)
def test_the_room_is_written_in_python_3_8(path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
