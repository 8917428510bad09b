"""Where hooks cannot be set, the log is read; the user sees what he saw before, at once."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest
from opensora_runs import FAKES, LIMIT_S, ROOT, run

from monitor.run.relay import Relay
from monitor.run.why_log import opensora_version, why_not_hooked

SAYS = """
import sys
print("Building models...")
sys.stderr.buffer.write(b"\\xff\\x00 \\x1b[1mraw\\r\\n")
print("CUDA max memory max memory allocated at build model: 1.0 GB")
print("Generating video...")
print("Saved to a.mp4", end="", flush=True)
sys.exit(3)
"""
OUT = b"""Building models...
CUDA max memory max memory allocated at build model: 1.0 GB
Generating video...
Saved to a.mp4"""


def test_a_python_that_sets_no_hooks_is_read():
    told = run([sys.executable, "-I", "-c", SAYS], cwd=FAKES / "v2_0")
    assert (told.code, told.out) == (3, OUT)
    said, rest = told.err.split(b"\n", 1)
    assert said == (
        b"wattstage: stages come from the log, to about 1 s: Python was started with -I,"
        b" which sets no hooks"
    )
    assert rest == b"\xff\x00 \x1b[1mraw\r\n"
    assert [stage.path for stage in told.stages] == ["run", "run/model_load", "run/clip"]
    load, clip = told.stages[1:]
    assert load.uncertainty_ns == clip.uncertainty_ns == 10**9
    assert (load.attrs["status"], clip.attrs["status"]) == ("ok", "error")  # no end of the line
    read = [m for m in told.markers if m.stage in {"clip", "model_load"}]
    assert {marker.timing for marker in read} == {"log"}
    assert {marker.attrs["uncertainty_s"] for marker in read} == {1.0}
    assert told.stages[0].attrs["stages_from"] == "log"


def test_patterns_may_be_asked_for_of_any_program(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[[patterns]]\nregex = '^go'\nbegin = 'work'\n")
    told = run(["sh", "-c", "echo go; echo err >&2"], options=["--patterns", str(file)])
    assert [stage.path for stage in told.stages] == ["run", "run/work"]
    assert (told.code, told.out) == (0, b"go\n")
    assert told.err.endswith(b"asked for by --patterns " + str(file).encode() + b"\nerr\n")


def test_a_log_of_no_known_program_needs_patterns():
    command = [sys.executable, "-m", "monitor.cli", "run", "--log", "--", "true"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert b"name its patterns with --patterns FILE.toml" in done.stderr


@pytest.mark.parametrize(
    ("command", "folder", "reason"),
    [
        ("python scripts/inference.py -I", "v2_0", ""),
        ("python3.10 -u -W ignore x.py -E", "v2_0", ""),
        ("/usr/bin/python3 -uE x.py", "v2_0", "started with -E"),
        ("python -X dev -S x.py", "v1_2", "started with -S"),
        ("python -c -I", "v1_2", ""),
        ("torchrun --nproc_per_node 1 x.py", "v1_1", ""),
        ("docker run opensora python x.py", ".", "docker does not hand on"),
        ("python x.py", ".", ""),
    ],
)
def test_hooks_are_set_wherever_they_can_be(command, folder, reason):
    why = why_not_hooked(command.split(), FAKES / folder)
    assert reason in why
    assert bool(why) == bool(reason)


def test_an_open_sora_that_has_changed_is_read_and_what_changed_is_named(tmp_path):
    utils = tmp_path / "opensora" / "utils"
    utils.mkdir(parents=True)
    (utils / "sampling.py").write_text("def prepare_api(model): ...")
    assert opensora_version(["python"], tmp_path) == "2.0"
    why = why_not_hooked(["python"], tmp_path)
    assert why.startswith("this Open-Sora is not as expected: opensora.utils.config.parse_alias")
    assert why.endswith(", and 12 more")


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("docker run x python scripts/inference.py configs/opensora-v1-2/a.py", "1.2"),
        ("docker run opensora torchrun scripts/diffusion/inference.py", "2.0"),
        ("python train.py", ""),
    ],
)
def test_a_version_that_is_elsewhere_is_known_by_its_configuration(command, version, tmp_path):
    assert opensora_version(command.split(), tmp_path) == version


ON_A_TERMINAL = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
print(sys.stdout.isatty(), sys.stderr.isatty(), *os.get_terminal_size(1), flush=True)
sys.stdin.readline()
while os.get_terminal_size(1).columns != 91:
    signal.sigwait([signal.SIGWINCH])
print(*os.get_terminal_size(2))
"""


def test_on_a_terminal_the_program_has_one_of_the_same_size(tmp_path):
    ours, theirs = pty.openpty()
    resize(theirs, 23, 71)
    script = ["-m", "monitor.cli", "run", "--broker", "none", "--patterns", "comfyui", "--"]
    with subprocess.Popen(
        [sys.executable, *script, sys.executable, "-c", ON_A_TERMINAL],
        stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, preexec_fn=controls,  # noqa: PLW1509  # no threads here
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = until(ours, b"71 23\r\n")
        assert b"True True 71 23\r\n" in seen
        resize(ours, 30, 91)
        os.write(ours, b"\n")
        assert b"91 30\r\n" in until(ours, b"91 30\r\n")
        process.wait(LIMIT_S)
    os.close(ours)


def controls():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def until(fd, text):
    seen = b""
    while text not in seen:
        seen += os.read(fd, 1024)
    return seen


def test_who_stops_reading_us_stops_the_program():
    command = [sys.executable, "-m", "monitor.cli", "run", "--broker", "none"]
    command += ["--patterns", "comfyui", "--", "yes"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.wait(LIMIT_S) == 128 + 13  # as "yes" dies of SIGPIPE


def test_output_that_goes_to_one_file_stays_in_order(tmp_path):
    script = "import os\nfor k in range(500): os.write(1 + k % 2, b'%d\\n' % k)"
    with (tmp_path / "log").open("wb") as file:
        subprocess.run(
            [sys.executable, "-m", "monitor.cli", "run", "--broker", "none",
             "--patterns", "comfyui", "--", sys.executable, "-c", script],
            stdout=file, stderr=file, check=True, cwd=ROOT,
        )  # fmt: skip
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].startswith("wattstage: stages come from the log")
    assert lines[1:501] == [str(k) for k in range(500)]


def test_a_child_that_keeps_the_output_open_is_not_waited_for():
    seen = []
    with (
        Relay(lambda number, data: seen.append(data)) as relay,
        subprocess.Popen(
            ["sh", "-c", "sleep 30 & echo $!"], stdout=relay.file(1), stderr=relay.file(2)
        ) as process,
    ):
        relay.start()
        process.wait(LIMIT_S)
        relay.drain()
        os.kill(int(b"".join(seen)), 9)
