"""The list of commands, which is made without loading them."""

from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from monitor.cli.app import application


def said(*words, wanted):
    return CliRunner().invoke(application(wanted), words, env={"COLUMNS": "200"})


def test_the_help_is_that_of_the_commands_themselves():
    listed, loaded = (said("--help", wanted=wanted) for wanted in ("", None))
    assert listed.exit_code == 0
    assert sorted(listed.output.splitlines()) == sorted(loaded.output.splitlines())
    for word in ("demo", "calibrate", "import", "bench", "Tell what a recording holds."):
        assert word in listed.output


@pytest.mark.parametrize("words", [["info", "--help"], ["calibrate", "zero", "--help"]])
def test_a_command_that_is_wanted_is_there_with_all_its_options(words):
    there, loaded = (said(*words, wanted=wanted) for wanted in (words[0], None))
    assert there.exit_code == 0
    assert there.output == loaded.output


def test_what_is_no_command_is_told_with_the_nearest():
    got = said("infoo", wanted="infoo")
    assert got.exit_code == 2
    assert "Did you mean 'info'?" in got.output


def test_the_version_is_told():
    got = said("--version", wanted="--version")
    assert (got.exit_code, got.output) == (0, f"wattstage {version('wattstage')}\n")
