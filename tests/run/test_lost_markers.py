"""What a program's own client could not send is told at the end of the run, and why."""

import json
import shutil
import sys

import pytest
from opensora_runs import ROOT, plain, run

from monitor.run.last_words import last_words

BARE = [sys.executable, "-S"]  # which has no paho-mqtt of its own
MARKS = """
import os, sys
{before}
sys.path.insert(0, {folder!r})
from wattstage_client import MarkerClient
client = MarkerClient()
with client.stage("mine"):
    {inside}
"""


@pytest.fixture
def marks(tmp_path):
    """Return the source of a program that marks a stage by a copy of the client."""
    shutil.copy(ROOT / "monitor/markers/client.py", tmp_path / "wattstage_client.py")

    def source(before="", inside="pass"):
        return MARKS.format(folder=str(tmp_path), before=before, inside=inside)

    return source


def test_paho_mqtt_is_lent_to_a_client_that_finds_none(marks):
    told = run([*BARE, "-c", marks()])
    assert [stage.path for stage in told.stages] == ["run", "run/mine"]
    assert (told.code, told.err) == (0, b"")


def test_a_program_finds_no_paho_mqtt_by_itself(marks):
    script = "import importlib.util; print(importlib.util.find_spec('paho'))\n" + marks()
    assert run([*BARE, "-c", script]).out == b"None\n"


def test_a_paho_mqtt_that_cannot_be_imported_is_told(tmp_path, marks):
    (tmp_path / "paho" / "mqtt").mkdir(parents=True)
    (tmp_path / "paho" / "mqtt" / "client.py").write_text("raise TypeError('too old')")
    told = run([*BARE, "-c", marks()])
    assert [stage.path for stage in told.stages] == ["run"]
    assert told.code == 0
    (line,) = told.err.decode().splitlines()
    assert line.startswith("wattstage: 2 markers of the run were lost: ")
    assert "(TypeError: too old)" in line
    assert line.endswith("pip install paho-mqtt in the program's environment")


def test_where_a_program_is_killed_it_is_not_known_how_many(tmp_path, marks):
    (tmp_path / "paho").mkdir()
    (tmp_path / "paho" / "__init__.py").write_text("1 / 0")
    inside = "import time; time.sleep(0.5); os.kill(os.getpid(), 9)"
    told = run([*BARE, "-c", marks(inside=inside)])
    assert told.code == 137
    assert b"wattstage: markers of the run were lost: paho-mqtt cannot be imported" in told.err


def test_a_broker_that_the_program_alone_cannot_reach_is_told(marks):
    before = "os.environ['WATTSTAGE_BROKER'] = 'mqtt://127.0.0.1:9'"
    told = run([sys.executable, "-c", marks(before)])
    assert told.err.startswith(b"wattstage: 2 markers of the run were lost: ")
    assert b"refused" in told.err


def test_without_a_broker_one_line_tells_of_all(marks):
    command = [sys.executable, "-m", "monitor.cli", "run", "--broker", "mqtt://127.0.0.1:9", "--"]
    done = plain([*command, sys.executable, "-c", marks()])
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("wattstage: 4 markers of the run were lost: ")


def test_where_nobody_is_to_hear_of_it_nothing_is_lost(marks):
    command = [sys.executable, "-m", "monitor.cli", "run", "--broker", "none", "--"]
    done = plain([*command, sys.executable, "-c", marks(inside="1 / 0")])
    assert done.returncode == 1
    assert b"wattstage:" not in done.stderr


def test_a_client_of_another_run_leaves_no_word(marks):
    source = marks().replace("MarkerClient()", "MarkerClient('mqtt://127.0.0.1:9', run_id='other')")
    told = run([sys.executable, "-c", source])
    assert (told.code, told.err) == (0, b"")


def test_words_are_summed_by_reason_and_the_last_of_a_sender_counts():
    said = [
        {"pid": 1, "sender": "a", "n_lost": 0, "why": "no paho-mqtt"},
        {"pid": 2, "sender": "b", "n_lost": 0, "why": "no paho-mqtt"},
        {"pid": 1, "sender": "a", "n_lost": 5, "why": "no paho-mqtt"},
        {"pid": 3, "sender": "c", "n_lost": 2, "why": "refused"},
        {"pid": 3, "ended_by": "KeyError: 1"},
    ]
    with last_words() as words:
        words.file.write_text("\n".join([*map(json.dumps, said), "[1", "7", '{"pid": 1, "se']))
        assert words.lost() == {"no paho-mqtt": 5, "refused": 2}
        assert words.reason(1) == "KeyError: 1"
