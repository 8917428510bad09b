"""Any program as one run: its exit code, output and arguments are its own."""

import signal
import sys

import pytest
from opensora_runs import plain, run


def test_arguments_output_and_exit_code_pass_through():
    script = "import sys; print(sys.argv[1:]); sys.stderr.write('err'); sys.exit(7)"
    told = run([sys.executable, "-c", script, "--broker", "x", "--", "-y"])
    assert (told.code, told.out, told.err) == (7, b"['--broker', 'x', '--', '-y']\n", b"err")
    (stage,) = told.stages
    assert (stage.name, stage.attrs["status"], stage.truncated) == ("run", "error", False)
    (abort,) = told.points("abort")
    assert abort.attrs == {"exit_code": 7, "reason": "exit code 7"}


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_what_has_killed_a_program_is_told(name):
    told = run(["sh", "-c", f"kill -{name[3:]} $$"])
    assert told.code == 128 + signal.Signals[name]
    assert told.points("abort")[0].attrs["reason"] == f"killed by {name}"


def test_a_program_of_no_known_kind_is_one_stage(tmp_path):
    told = run(["true"], cwd=tmp_path)
    assert [stage.path for stage in told.stages] == ["run"]
    assert told.stages[0].attrs == {"command": "true", "status": "ok"}
    assert told.code == 0


def test_what_is_checked_out_there_is_told(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text("7ad6a96a135feb81f755c84f\n")
    assert run(["true"], cwd=tmp_path).stages[0].attrs["commit"] == "7ad6a96a135feb81f755c84f"


def test_a_program_that_is_not_there_is_named_and_was_no_run():
    told = run(["no-such-program"])
    assert (told.code, told.markers) == (127, [])
    assert told.err == (
        b"wattstage: 'no-such-program' cannot be started: No such file or directory;"
        b" nothing was run\n"
    )


@pytest.mark.parametrize("options", [(), ("--patterns", "comfyui")])
def test_a_file_that_is_no_program_ends_as_in_a_shell(tmp_path, options):
    (tmp_path / "data").write_text("42")
    told = run(["./data"], cwd=tmp_path, options=options)
    assert (told.code, told.markers) == (126, [])
    assert b"'./data' cannot be started: Permission denied; nothing was run" in told.err


def test_without_a_broker_the_program_runs_all_the_same():
    command = [sys.executable, "-m", "monitor.cli", "run", "--broker", "mqtt://127.0.0.1:9", "--"]
    done = plain([*command, sys.executable, "-c", "print(42)"])
    assert (done.returncode, done.stdout) == (0, b"42\n")
    assert b"2 markers of the run were lost" in done.stderr


def test_another_sitecustomize_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.mine = 'here'\n")
    told = run(
        [sys.executable, "-c", "print(mine, 'monitor' in __import__('sys').modules)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert told.out == b"here False\n"


@pytest.mark.parametrize("timing", ["never", ""])
def test_a_wrong_way_of_timing_is_refused(timing):
    command = [sys.executable, "-m", "monitor.cli", "run", "--timing", timing, "--", "true"]
    done = plain(command)
    assert done.returncode == 1
    assert b"--timing must be one of event, sync, host" in done.stderr
