"""The page about exports shows commands that work."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.app import application

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/export.md").read_text()
COMMANDS = re.findall(r"^wattstage (export .*?)(?: +#.*)?$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_export_of_the_page_makes_its_file(tmp_path, monkeypatch, command):
    shutil.copy(ROOT / "recordings/sample.h5", tmp_path / "run.h5")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(application(), command.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    words = command.split()
    assert Path(words[words.index("-o") + 1]).stat().st_size > 1000


def test_the_page_shows_every_kind():
    said = " ".join(COMMANDS)
    for words in (".csv", ".parquet", ".jls", ".mf4", "--stage ", "--range", "--stages", "--clips"):
        assert words in said
