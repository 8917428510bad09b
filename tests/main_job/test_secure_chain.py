"""The whole chain through a mosquitto with users, TLS and rights, as the how-to page sets it up."""

import os
import socket
import time
from pathlib import Path
from urllib.parse import quote

import mosquitto
import pytest
from lab import LIMIT_S, bench, recorder, said

from monitor.engine.client import EngineClient
from monitor.recording.reader import Recording

pytestmark = pytest.mark.skipif(not mosquitto.is_installed(), reason="mosquitto is not installed")

PROFILE = """[instrument]
address = "{visa}"
record_s = 0.05
sample_rate_hz = 20e3
[markers]
broker = "mqtts://localhost:{port}"
user = "engine"
password_file = "{folder}/password"
ca = "{folder}/ca.crt"
"""


def test_stages_are_recorded_and_no_password_is(tmp_path, monkeypatch):
    host = socket.gethostname()
    mosquitto.make_files(tmp_path, host)
    ours, theirs = mosquitto.PASSWORDS.values()
    (tmp_path / "password").write_text(ours)
    (tmp_path / "password").chmod(0o600)
    monkeypatch.setenv("WATTSTAGE_CA", str(tmp_path / "ca.crt"))
    path, where = tmp_path / "s.h5", f"ipc://{tmp_path / 'e.ipc'}"
    quick = ("--speed", 30, "--frames", 17, "--steps", 5)
    with mosquitto.running(tmp_path) as port:
        url = f"mqtts://{host}:{quote(theirs, safe='')}@localhost:{port}"
        with bench(*quick, "--broker", url) as visa:
            profile = tmp_path / "lab.toml"
            profile.write_text(PROFILE.format(visa=visa, port=port, folder=tmp_path))
            with recorder(where, "--config", profile, "-o", path) as process:
                with EngineClient(where) as client:
                    client.wait(LIMIT_S)
                    deadline = time.monotonic() + LIMIT_S
                    while client.frame(n_columns=1).snapshot.n_markers < 20:
                        assert time.monotonic() < deadline, "no markers came"
                        time.sleep(0.05)
                    warnings = client.frame(n_columns=1).snapshot.warnings
                    seen = (Path("/proc") / str(process.pid) / "cmdline").read_text()
                said("stop", "--endpoint", where)
                assert process.wait(LIMIT_S) == 0
    with Recording(path) as recording:
        stages = {marker.stage for marker in recording.markers}
    assert {"denoise_step", "clock"} <= stages
    assert not [text for text in warnings if "marker" in text]
    told = path.read_bytes() + said("info", path, "--json").encode() + seen.encode()
    for password in (ours, theirs, quote(theirs, safe="")):
        assert password.encode() not in told
    assert "WATTSTAGE_MQTT_PASSWORD" not in os.environ
