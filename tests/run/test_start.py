"""How little is loaded before a program runs."""

import os
import subprocess
import sys

import pytest
from opensora_runs import FAKES, ROOT

INJECT = ROOT / "monitor/workload/inject"
LOADED = "import sys; print(*sorted(sys.modules))"


def loaded(code, *path, **env):
    """Return the modules that a Python has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), **env},
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stderr == b""
    return set(done.stdout.decode().splitlines()[-1].split())


def test_a_python_that_has_nothing_to_hook_loads_next_to_nothing_of_ours():
    ours = loaded("pass", INJECT, WATTSTAGE_RUN_ID="x") - loaded("pass")
    assert ours - {"sitecustomize"} <= {
        "_wattstage", "_wattstage.workload", "_wattstage.workload.shim",
        "atexit", "importlib", "importlib.machinery", "warnings", "importlib._bootstrap",
        "importlib._bootstrap_external",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "module"), [("v1_2", "opensora"), ("diffusion", "diffusers.utils.export_utils")]
)
def test_the_hooks_are_loaded_with_the_first_module_that_they_know(version, module):
    path = INJECT, FAKES / version, FAKES
    assert "_wattstage.workload.hooks" in loaded(f"import {module}", *path, WATTSTAGE_RUN_ID="x")
    assert "_wattstage.workload.hooks" not in loaded(f"import {module}", *path, WATTSTAGE_RUN_ID="")


def test_a_module_that_was_chosen_loads_them_too():
    chosen = '[["textwrap", "indent", "text"]]'
    env = {"WATTSTAGE_RUN_ID": "x", "WATTSTAGE_STAGES": chosen}
    assert "_wattstage.workload.hooks" not in loaded("import json", INJECT, **env)
    assert "_wattstage.workload.hooks" in loaded("import textwrap", INJECT, **env)


def test_on_another_process_than_the_first_nothing_waits_unless_all_are_asked():
    path, env = (INJECT, FAKES / "v1_2", FAKES), {"WATTSTAGE_RUN_ID": "x", "RANK": "1"}
    assert "_wattstage.workload.hooks" not in loaded("import opensora", *path, **env)
    everyone = loaded("import opensora", *path, **env, WATTSTAGE_RANKS="all")
    assert "_wattstage.workload.hooks" in everyone


def test_the_command_that_runs_a_program_loads_neither_engine_nor_numpy():
    modules = loaded("import monitor.cli.programs", ROOT)
    assert not {"numpy", "h5py", "asyncio", "monitor.session", "monitor.model"} & modules
