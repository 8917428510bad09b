"""A password on the command line of ``wattstage`` goes no further than that."""

import json
import sys

import pytest
from opensora_runs import plain

SECRET = "pass-word-of-me"
URL = f"mqtt://me:{SECRET}@127.0.0.1:9"
SEEN = """
import json, os, pathlib
own = os.getpid()
lines = {}
for entry in pathlib.Path("/proc").iterdir():
    try:
        parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        lines[int(entry.name)] = parent, (entry / "cmdline").read_text()
    except (OSError, ValueError):
        pass
started = os.getppid()
family = {pid: line for pid, (parent, line) in lines.items() if parent == started}
url, password = os.environ["WATTSTAGE_BROKER"], os.environ["WATTSTAGE_MQTT_PASSWORD"]
print(json.dumps([url, password, list(family.values())]))
"""


def wattstage(*arguments):
    return plain([sys.executable, "-m", "monitor.cli", *arguments])


def test_what_is_started_has_it_by_the_environment_and_not_in_the_list_of_processes():
    done = wattstage("run", "--broker", URL, "--", sys.executable, "-c", SEEN)
    url, password, family = json.loads(done.stdout)
    assert (url, password) == ("mqtt://me@127.0.0.1:9", SECRET)
    assert family
    assert not any(SECRET in line for line in family)
    assert b"markers of the run were lost: connection refused" in done.stderr
    assert SECRET.encode() not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--broker", f"http://me:{SECRET}@lab", "--", "true"),
        ("record", "--visa", "TCPIP::127.0.0.1::9::SOCKET", "--broker", URL, "--quiet"),
        ("record", "--visa", "TCPIP::127.0.0.1::9::SOCKET", "--broker", f"{URL}x"),
        ("watch", "--visa", "TCPIP::127.0.0.1::9::SOCKET", "--terminal", "--broker", URL),
        ("bench", "--broker", f"http://me:{SECRET}@lab"),
    ],
)
def test_no_message_says_it(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WATTSTAGE_ENDPOINT", f"ipc://{tmp_path}/engine")
    done = wattstage(*arguments)
    assert done.stderr
    assert SECRET.encode() not in done.stdout + done.stderr
