"""What a process that was killed left behind goes when the next one comes to its folder."""

import logging
import platform
import subprocess
import sys

import pytest

from monitor.recording import unfinished

PROCESS = """
import sys
from pathlib import Path
from monitor.recording import unfinished
with unfinished.beside(Path(sys.argv[1])) as folder:
    (folder / "big.csv").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def begin(tmp_path):
    """Begin a file in a process of its own; return the process and its folder."""
    running = []

    def begun():
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path / "big.csv")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        return process, tmp_path / process.stdout.readline().strip()

    yield begun
    for process in running:
        process.kill()
        process.communicate()


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_folder_is_beside_the_file_and_gone_in_the_end(tmp_path):
    with unfinished.beside(tmp_path / "a.h5") as folder:
        assert folder.parent == tmp_path
        (folder / "a.h5").write_bytes(b"1")
        (folder / "a.h5").replace(tmp_path / "a.h5")
    assert names(tmp_path) == {"a.h5"}


def test_it_is_gone_when_something_went_wrong(tmp_path):
    with pytest.raises(KeyboardInterrupt), unfinished.beside(tmp_path / "a.h5"):
        raise KeyboardInterrupt
    assert names(tmp_path) == set()


def test_what_a_killed_process_left_is_removed_and_told(tmp_path, begin, caplog):
    process, left = begin()
    process.kill()
    process.wait()
    assert (left / "big.csv").exists()
    with unfinished.beside(tmp_path / "other.h5") as folder:
        assert names(tmp_path) == {folder.name}
    assert f"{left} was left by a process that was killed, and is removed" in caplog.text


def test_what_is_being_made_is_left_alone(tmp_path, begin, caplog):
    process, folder = begin()
    with unfinished.beside(tmp_path / "big.csv") as mine:
        assert names(tmp_path) == {mine.name, folder.name}
    assert (folder / "big.csv").exists()
    assert caplog.text == ""
    process.communicate("")
    assert names(tmp_path) == set()


def test_what_another_machine_left_is_named(tmp_path, begin, caplog):
    process, left = begin()
    process.kill()
    process.wait()
    (left / unfinished._LOCK).write_text("elsewhere")
    with unfinished.beside(tmp_path / "a.h5"):
        assert left.exists()
    assert f"{left} may have been left by a process on elsewhere" in caplog.text


@pytest.mark.parametrize("name", [".a.h5.abc.wattstage", ".x.wattstage", "a.wattstage"])
def test_what_only_has_such_a_name_is_not_touched(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "dear").write_bytes(b"")
    (tmp_path / ".file.wattstage").write_bytes(b"")
    (tmp_path / ".link.wattstage").symlink_to(tmp_path / name)
    with unfinished.beside(tmp_path / "a.h5"):
        pass
    assert names(tmp_path) == {name, ".file.wattstage", ".link.wattstage"}
    assert (tmp_path / name / "dear").exists()


def test_where_files_cannot_be_locked_nothing_is_taken_for_left(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(unfinished.fcntl, "flock", refuse)
    with unfinished.beside(tmp_path / "a.h5") as folder:
        monkeypatch.undo()
        with unfinished.beside(tmp_path / "b.h5"):
            assert folder.exists()
    assert names(tmp_path) == set()


def test_a_folder_that_is_taken_before_it_is_locked_is_made_again(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    lock, taken = unfinished.fcntl.flock, []

    def late(handle, how):
        if not taken:
            (taken_folder,) = tmp_path.iterdir()
            taken.append(taken_folder)
            unfinished._remove_left(tmp_path)
            assert not taken_folder.exists()
        lock(handle, how)

    monkeypatch.setattr(unfinished.fcntl, "flock", late)
    with unfinished.beside(tmp_path / "a.h5") as folder:
        assert folder.exists()
        assert folder != taken[0]
    assert platform.node()
