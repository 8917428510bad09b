"""A real mosquitto, set up as the how-to page says: its commands, its settings, its rights."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs/how-to/secure-the-link.md").read_text()
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
PASSWORDS = {"engine": "pass of the engine", "gpu1": "pass@gpu/1"}
"""By user of the page."""
_AT = "/etc/mosquitto/wattstage"
_START_S = 20.0


def blocks(language):
    """Return the code blocks of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def is_installed():
    return os.access(MOSQUITTO, os.X_OK) and shutil.which("mosquitto_passwd") is not None


def make_files(folder, host="gpu1"):
    """Do what the page says, in an empty folder, for a broker here and a workload's host."""
    for block in blocks("sh"):
        here = block.replace("DNS:broker.lab,IP:192.168.1.5", "DNS:localhost")
        if "openssl" in here:
            _run(["sh", "-ec", here], folder)
        if "mosquitto_passwd" in here:
            for line in here.splitlines():
                *command, user = line.split()
                said = 2 * (PASSWORDS[user] + "\n")
                _run([*command, user.replace("gpu1", host)], folder, said)
    (rights,) = blocks("text")
    (folder / "acl").write_text(rights)
    (folder / "acl").chmod(0o600)


@contextlib.contextmanager
def running(folder, *, certificates=False, tls=True):
    """Yield the port of a broker with the settings of the page, and those files."""
    users, more = blocks("ini")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = users.replace(_AT, str(folder)).replace("listener 8883", f"listener {port} 127.0.0.1")
    if not tls:
        text = re.sub(r"(cafile|certfile|keyfile) .*\n", "", text)
    if certificates:
        text += more
    settings = folder / f"{port}.conf"
    settings.write_text(text + "user root\n")  # who may read the files; ignored if it is not us
    command = [MOSQUITTO, "-c", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()


def _wait(process, port):
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "mosquitto did not start"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.01)
    raise AssertionError("mosquitto does not listen")


def _run(command, folder, said=""):
    done = subprocess.run(
        command, cwd=folder, input=said, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
