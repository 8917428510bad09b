"""Setting up as a user does it: by one command, by questions, or from a program."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from main_job.lab import bench, said, wattstage
from rich.console import Console
from typer.testing import CliRunner

from monitor.cli import setup
from monitor.config import load
from monitor.errors import ConfigError
from monitor.model import Quantity, Supply
from monitor.setup.plan import Plan, guess, settings
from monitor.sources.inspect import inspect


@pytest.fixture(scope="module")
def scope():
    with bench() as visa:
        yield visa


@pytest.fixture(scope="module")
def scope_in_volts():
    with bench("--current-in-volts", "--supply", "dc") as visa:
        yield visa


def events(*arguments, code=0):
    done = wattstage("setup", "--json", *arguments)
    assert done.returncode == code, done.stderr
    return {event["event"]: event for event in map(json.loads, done.stdout.splitlines())}


def test_one_command_writes_a_profile_that_record_runs_with(scope_in_volts, tmp_path):
    profile = tmp_path / "profile.toml"
    words = ["--address", scope_in_volts, "--voltage", 1, "--current", 2, "--clamp", "100mV/A"]
    text = said("setup", *words, "--out", profile)
    assert f"wattstage record --config {profile}" in text.replace("\n", "")
    instrument = load(profile).instrument
    voltage, current = instrument.inputs
    assert (voltage.reports, voltage.probe_factor) == ("unit", 10.0)
    assert (current.reports, current.ratio) == ("volts", 10.0)
    assert instrument.supply is Supply.DC
    recording = tmp_path / "session.h5"
    said(
        "record", "--config", profile, "--seconds", 1, "-o", recording, "--quiet",
        "--broker", "none",
    )  # fmt: skip
    assert json.loads(said("info", recording, "--json"))["n_samples"] > 0


def test_a_profile_is_not_overwritten_unless_told(scope, tmp_path):
    profile = tmp_path / "profile.toml"
    profile.write_text("mine")
    done = wattstage("setup", "--address", scope, "--out", profile)
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert profile.read_text() == "mine"


def test_a_contradiction_is_refused_with_the_exact_fix_and_nothing_is_written(scope, tmp_path):
    profile = tmp_path / "profile.toml"
    words = ["--address", scope, "--clamp", "10mV/A", "--out", profile, "--anyway"]
    done = wattstage("setup", *words)
    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    assert ":CHANnel2:PROBe 100" in told
    assert "probe_factor = 10" in told
    assert done.stderr.count("\n") == 1  # what is above is not said again
    assert "was not written, as its numbers would be wrong; correct what" in done.stderr
    assert not profile.exists()


def test_numbers_that_look_wrong_are_saved_only_if_somebody_insists(scope, tmp_path):
    profile = tmp_path / "profile.toml"
    words = ["--address", scope, "--record-length", "0.005", "--supply", "auto", "--out", profile]
    said_no = events(*words, code=1)
    assert said_no["preview"]["findings"][0]["id"] == "record-too-short"
    assert "--anyway" in said_no["error"]["fix"]
    assert not profile.exists()
    profile.write_text("mine")
    assert events(*words, "--anyway", "--force")["saved"]["path"] == str(profile)
    assert load(profile).instrument.record_s == 0.005


def test_a_tenth_of_a_dc_voltage_is_saved_only_if_somebody_says_that_it_is_so(tmp_path):
    profile = tmp_path / "profile.toml"
    with bench("--supply", "dc", "--mistake", "probe-10x") as visa:
        refused = wattstage("setup", "--address", visa, "--out", profile)
        assert refused.returncode == 1
        assert "a tenth of what a supply of 12 V has" in " ".join(refused.stdout.split())
        assert not profile.exists()
        said("setup", "--address", visa, "--out", profile, "--expect", "1.2")
    assert load(profile).instrument.nominal_v == 1.2


def test_a_program_hears_how_the_scope_is_set(scope):
    (panel,) = events("--address", scope, "--look").values()
    assert panel["dialect"] == "keysight"
    assert [state["unit"] for state in panel["inputs"]] == ["V", "A", "V", "V"]


def test_a_program_gets_levels_and_a_picture(scope):
    preview = events("--address", scope)["preview"]
    assert not preview["wrong"]
    voltage, current = preview["channels"]
    assert (voltage["unit"], current["unit"]) == ("V", "A")
    assert voltage["rms"] == pytest.approx(230.0, rel=0.05)
    assert preview["rails"][0]["line_hz"] == pytest.approx(50.0, rel=0.01)
    assert len(preview["low"]) == len(preview["high"]) == 2
    assert all(a <= b for a, b in zip(preview["low"][0], preview["high"][0], strict=True))
    assert max(preview["high"][0]) == pytest.approx(voltage["high"], rel=1e-3)


def test_a_scope_that_is_not_there_is_an_event_with_a_fix():
    error = events("--address", "TCPIP::127.0.0.1::1::SOCKET", code=1)["error"]
    assert "connection refused" in error["what"]
    assert "check the address" in error["fix"]


def test_a_live_preview_goes_on_until_standard_input_ends(scope):
    command = [sys.executable, "-m", "monitor.cli", "setup", "--json", "--live"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "--address", scope], stdin=pipe, stdout=pipe) as process:
        names = [json.loads(process.stdout.readline())["event"] for _ in range(4)]
        process.stdin.close()
        assert process.wait(30.0) == 0
    assert names == ["panel", "preview", "preview", "preview"]


def test_without_a_terminal_the_address_must_be_named():
    done = wattstage("setup", stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "name the instrument: --address" in done.stderr


class Script:
    """Answers by rote; what it was asked and told is kept."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.complaints = []

    def ask(self, question, default, choices=()):
        self.asked.append(question)
        return self.answers.pop(0) or default

    def complain(self, what):
        self.complaints.append(what)


def guided(monkeypatch, visa, path, *answers):
    monkeypatch.setattr(setup, "search", lambda addresses: [])
    script = Script(visa, *answers)
    setup.by_questions(script, Plan(address=""), path, Console(quiet=True))
    assert script.answers == []
    return script


def test_questions_lead_to_a_profile(scope_in_volts, tmp_path, monkeypatch):
    profile = tmp_path / "profile.toml"
    answers = ("", "", "", "", "100mV/A", "", "12", "0.1", "", "save", str(profile))
    script = guided(monkeypatch, scope_in_volts, profile, *answers)
    assert len(script.complaints) == 1  # nobody guesses a clamp
    assert "the clamp must be named" in script.complaints[0]
    voltage, current = load(profile).instrument.inputs
    assert (voltage.input, voltage.quantity) == (1, Quantity.VOLTAGE)
    assert (current.input, current.ratio) == (2, 10.0)


def test_a_wrong_answer_is_asked_again(scope_in_volts, tmp_path, monkeypatch):
    profile = tmp_path / "profile.toml"
    profile.write_text("mine")
    script = guided(
        monkeypatch, scope_in_volts, profile,
        "1", "7X7", "", "2", "scope", "5 bananas", "100mV/A", "dc", "twelve", "12", "", "tea=1",
        "plug=mqtt://127.0.0.1/plug", "save", "", "no", "save", str(tmp_path / "other.toml"),
    )  # fmt: skip
    assert [text.split(";")[0][:40] for text in script.complaints] == [
        "'7X7' is no probe of a voltage",
        "the scope shows volts there: the clamp m",
        "'5 bananas' is no probe of a current",
        "'twelve' is no number above 0",
        "'tea=1' is no meter: Invalid enum value ",
    ]
    assert profile.read_text() == "mine"
    assert load(tmp_path / "other.toml").meters[0].kind == "plug"


def test_a_clamp_that_is_the_wrong_way_round_can_be_left_so(tmp_path, monkeypatch):
    profile = tmp_path / "profile.toml"
    answers = ("", "", "", "", "", "12", "", "", "yes", "save", str(profile))
    with bench("--supply", "dc", "--mistake", "clamp-reversed") as visa:
        script = guided(monkeypatch, visa, profile, *answers)
    assert "Count the current the other way round" in script.asked
    assert load(profile).instrument.inputs[1].ratio == -1.0


def test_a_mistake_can_be_corrected_and_tried_again(scope_in_volts, tmp_path, monkeypatch):
    profile = tmp_path / "profile.toml"
    first = ("2", "10X", "1", "100mV/A", "", "12", "", "")
    second = ("1", "scope", "2", "100mV/A", "", "12", "", "")
    script = guided(
        monkeypatch, scope_in_volts, profile, *first, "change", *second, "save", str(profile)
    )
    assert load(profile).instrument.inputs[0].input == 1
    assert script.complaints == []


def test_a_person_at_a_terminal_is_asked(scope, tmp_path):
    """Over a pseudo-terminal: the prompts are those of the real command."""
    main, far = pty.openpty()
    command = [sys.executable, "-m", "monitor.cli", "setup", "--out", str(tmp_path / "mine.toml")]
    with subprocess.Popen(
        command, stdin=far, stdout=far, stderr=far, start_new_session=True
    ) as process:
        os.close(far)
        told = b""
        try:
            for prompt, answer in ((b"VISA address", scope), (b"Voltage is on input", "1")):
                while prompt not in told:
                    told += os.read(main, 65_536)
                os.write(main, f"{answer}\n".encode())
            while b"Its probe" not in told:
                told += os.read(main, 65_536)
        finally:
            # A signal between the prompt and the read is only seen at the next: press it again.
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(OSError):
                    if select.select([main], [], [], 0.2)[0]:
                        os.read(main, 65_536)
            os.close(main)
    assert list(tmp_path.iterdir()) == []
    assert b"Traceback" not in told


def test_the_guess_takes_what_is_switched_on(scope):
    panel = inspect(scope)
    assert guess(panel) == (1, 2)
    made = settings(Plan(address=scope, clamp="100mV/A"), panel)
    assert made.instrument.inputs[1].probe_factor == 10.0
    assert made.instrument.record_s == panel.record_s > 0


def test_the_window_takes_the_address_and_the_profile_and_refuses_what_is_chosen_in_it(monkeypatch):
    asked = []
    monkeypatch.setattr(setup, "in_window", lambda theme, **given: asked.append((theme, given)))
    command = typer.Typer()
    command.command()(setup.setup)
    words = ["--window", "--address", "TCPIP::a::INSTR", "--out", "lab.toml", "--theme", "light"]
    assert CliRunner().invoke(command, words).exit_code == 0
    assert asked == [("light", {"address": "TCPIP::a::INSTR", "out": Path("lab.toml")})]
    refused = CliRunner().invoke(command, ["--window", "--clamp", "100mV/A"]).exception
    assert isinstance(refused, ConfigError)
    assert str(refused).startswith("--clamp is chosen in the window")
