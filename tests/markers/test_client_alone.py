"""The client is one file that works by itself, in a Python that is old and has only paho-mqtt."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import paho
import pytest
from old_python import python_3_8

from monitor.markers import client as module

SOURCE = Path(module.__file__).read_text()
PAGE = (Path(__file__).parents[2] / "docs/how-to/mark-a-workload.md").read_text()

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from wattstage_client import MarkerClient

client = MarkerClient(sys.argv[2], prefix=sys.argv[3], model="tiny")

@client.stage("denoise_step", sync="torch")
def step():
    client.mark("note", text="halfway")

with client.stage("clip", index=0):
    step()
client.close(20.0)
others = {"monitor", "numpy", "msgspec"} & set(sys.modules)
print(client.n_sent, client.n_dropped, client.problem, sorted(others))
"""

# What a program for 3.8 might use by mistake, and no parser complains of.
SINCE_3_9 = {
    "removeprefix", "removesuffix", "bit_count", "cache", "lcm", "pairwise", "batched", "to_thread",
    "TaskGroup", "timeout_at", "chdir", "aclosing", "add_note", "ExceptionGroup", "randbytes",
    "EncodingWarning", "UTC", "StrEnum", "Self", "ParamSpec", "TypeAlias", "KW_ONLY", "anext",
    "aiter", "is_relative_to", "readlink", "with_stem", "hardlink_to", "orig_argv",
    "stdlib_module_names", "tomllib", "zoneinfo", "graphlib",
}  # fmt: skip
KEYWORDS_SINCE_3_9 = {"strict", "slots", "kw_only", "root_dir", "cancel_futures", "delete_on_close"}


PYTHONS = {"ours": lambda: sys.executable, "3.8": python_3_8}


@pytest.fixture
def alone(tmp_path):
    """Return a folder with a copy of the client and nothing else."""
    shutil.copy(module.__file__, tmp_path / "wattstage_client.py")
    return tmp_path


def said_by(python, *arguments):
    command = [python, "-I", "-S", "-W", "error", "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("which", PYTHONS)
def test_a_copy_of_the_file_works_where_there_is_no_wattstage(
    alone, broker, listener, prefix, which
):
    shutil.copytree(next(iter(paho.__path__)), alone / "paho")
    assert said_by(PYTHONS[which](), alone, broker.url, prefix) == "5 0  []\n"
    assert [(m["stage"], m["event"]) for m in listener.markers(5)] == [
        ("clip", "begin"),
        ("denoise_step", "begin"),
        ("note", "point"),
        ("denoise_step", "end"),
        ("clip", "end"),
    ]


@pytest.mark.parametrize("which", PYTHONS)
def test_without_paho_mqtt_it_disturbs_nobody(alone, which):
    said = said_by(PYTHONS[which](), alone, "mqtt://127.0.0.1:1", "w")
    assert said.startswith("0 5 paho-mqtt cannot be imported (ModuleNotFoundError: No module named")
    assert said.endswith(": pip install paho-mqtt in the program's environment []\n")


def test_it_is_written_in_python_3_8():
    tree = ast.parse(SOURCE, feature_version=(3, 8))
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    names |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    assert not names & SINCE_3_9
    keywords = {k.arg for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords}
    assert not keywords & KEYWORDS_SINCE_3_9


def test_it_imports_nothing_but_the_standard_library_at_first():
    tree = ast.parse(SOURCE)
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_command_of_the_page_copies_it(tmp_path):
    (command,) = [line for line in PAGE.splitlines() if line.startswith("cp ")]
    _, source, _ = command.split()
    copied = tmp_path / "wattstage_client.py"
    shutil.copy(Path(__file__).parents[2] / source, copied)
    assert copied.read_text() == SOURCE
