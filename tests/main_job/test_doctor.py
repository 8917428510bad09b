"""The doctor as a user meets it: one page, JSON for programs, an exit code, and never a hang."""

import json

from lab import bench, environment, said, wattstage

PROFILE = """[instrument]
address = "{visa}"
record_s = 0.1
sample_rate_hz = 50e3
[markers]
broker = "none"
"""


def test_a_good_bench_is_a_page_without_a_fault(tmp_path):
    with bench("--supply", "dc") as visa:
        (tmp_path / "wattstage.toml").write_text(PROFILE.format(visa=visa))
        where = {"cwd": tmp_path, "env": environment(tmp_path)}
        page = said("doctor", "--seconds", 0.5, **where)
        value = json.loads(said("doctor", "--seconds", 0.5, "--json", **where))
    for word in ("instrument", "rate", "coverage", "clipping", "noise", "zero", "disk", "room"):
        assert f" {word} " in page
        assert word in {line["id"] for line in value["lines"]}
    assert "FAIL" not in page
    assert "wattstage calibrate zero" in page
    assert value["ok"] is True


def test_what_was_found_stands_below_each_other(tmp_path):
    with bench("--mistake", "clamp-reversed") as visa:
        (tmp_path / "p.toml").write_text(PROFILE.format(visa=visa))
        command = ("doctor", "--seconds", 0.5, "--config", tmp_path / "p.toml")
        done = wattstage(*command, env=environment(tmp_path))
    assert "FAIL  clamp-reversed" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line[:4] in {"ok  ", "warn", "FAIL"}]
    assert {line[26] == " " and line[27] != " " for line in lines} == {True}


def test_with_everything_missing_there_is_still_a_page(tmp_path):
    text = PROFILE.format(visa="TCPIP::127.0.0.1::1::SOCKET").replace("none", "mqtt://127.0.0.1:1")
    (tmp_path / "p.toml").write_text(text)
    env = environment(tmp_path) | {"WATTSTAGE_RECORDINGS": "/proc/nowhere"}
    done = wattstage("doctor", "--config", tmp_path / "p.toml", env=env)
    assert done.returncode == 1
    assert done.stderr == ""
    for name in ("instrument", "broker", "disk"):
        assert f"FAIL  {name}" in done.stdout
    assert "3 wrong" in done.stdout
