"""The bench as a process."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

LIMIT_S = 30.0


@contextlib.contextmanager
def bench(*arguments, **options):
    command = [sys.executable, "-m", "monitor.bench", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            if process.poll() is None:
                process.kill()


def talk(visa, message, n_lines):
    port = int(visa.split("::")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        connection.sendall(message.encode() + b"\n")
        with connection.makefile("rb") as replies:
            return [replies.readline() for _ in range(n_lines)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_at_a_signal(number):
    with bench() as (process, hello):
        assert hello["pid"] == process.pid
        assert talk(hello["visa"], "*IDN?", 1)[0].startswith(b"KEYSIGHT")
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 0


def test_it_ends_with_its_standard_input_if_told_so():
    with bench("--until-stdin-closes", stdin=subprocess.PIPE) as (process, _):
        process.stdin.close()
        assert process.wait(LIMIT_S) == 0


def test_it_writes_down_what_it_handed_out(tmp_path):
    truth = tmp_path / "truth.jsonl"
    with bench("--truth", str(truth), "--gap-free", "--supply", "dc") as (process, hello):
        message = ":TIM:RANG 0.01;:WAV:POIN 100;FORM BYTE" + ";:DIG;:WAV:DATA?" * 3
        talk(hello["visa"], message, 1)
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    records = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [record["n"] for record in records] == [100, 100, 100]
    assert [record["lost"] for record in records] == [0, 0, 0]
    assert {record["rate_hz"] for record in records} == {10_000.0}
    for one, two in pairwise(records):
        assert two["start"] - one["start"] == 100
        assert two["t0_ns"] - one["t0_ns"] == 10_000_000
    assert (records[0]["t0_ns"] - hello["zero_ns"]) == records[0]["start"] * 100_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--supply", "battery"], "battery"),
        (["--transport", "gpib"], "gpib"),
        (["--mistake", "spilt-coffee"], "spilt-coffee"),
        (["--fault", "gremlin"], "gremlin"),
        (["--dialect", "klingon"], "klingon"),
        (["--frames", "7"], "frames must be"),
        (["--gpus", "3"], "GPUs, got 3"),
        (["--speed", "0"], "speed must be"),
        (["--bits", "99"], "bits must be 8 to 16"),
        (["--port", "70000"], "port must be"),
        (["--start-delay", "-1"], "start delay"),
        (["--capture", "/nonexistent"], "/nonexistent"),
        (["--truth", "/nonexistent/truth"], "/nonexistent/truth"),
        (["--broker", "nonsense"], "nonsense"),
        (["--seed", "-1"], "seed"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, says, capfd):
    from monitor.bench.__main__ import main

    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert says in err
    assert err.startswith("wattstage bench: ")
    assert err.count("\n") == 1


def test_it_says_where_its_meters_are():
    names = ["elmorlabs-pmd", "scpi", "yokogawa-wt"]
    with bench("--supply", "dc", *(word for n in names for word in ("--meter", n))) as (_, hello):
        assert sorted(hello["meters"]) == names
        assert talk(hello["meters"]["yokogawa-wt"], "*IDN?", 1)[0].startswith(b"YOKOGAWA,WT310E")
        assert Path(hello["meters"]["elmorlabs-pmd"]).is_char_device()


def test_a_meter_that_cannot_measure_the_supply_is_refused():
    command = [sys.executable, "-m", "monitor.bench", "--meter", "elmorlabs-pmd"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 2
    assert "measures 12 V: choose supply dc" in done.stderr
