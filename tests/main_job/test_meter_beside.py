"""A scope and two meters of one settings file, of which one is not there: from wire to table."""

import contextlib
import json
import socket
import socketserver
import threading

import pytest
from main_job.lab import bench, environment, said

from monitor.recording.reader import Recording

WATTS = 150.0


class Answering(socketserver.StreamRequestHandler):
    """A meter that says who it is, and always the same power."""

    def handle(self):
        for line in self.rfile:
            reply = "TEST,METER 1,0,1" if line.strip() == b"*IDN?" else str(WATTS)
            self.wfile.write(reply.encode() + b"\n")


@contextlib.contextmanager
def meter():
    """Yield the port of a meter."""
    with socketserver.TCPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def vacant_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def settings(visa, ports):
    meters = "".join(
        f"""
[[meters]]
kind = "scpi"
name = "{name}"
address = "TCPIP::127.0.0.1::{port}::SOCKET"
interval_s = 0.1
window_s = 0.1
timeout_s = 0.5
queries = [{{ name = "wall power", query = "POW?", unit = "W" }}]
"""
        for name, port in ports.items()
    )
    return f'[instrument]\naddress = "{visa}"\nrecord_s = 0.1\n{meters}'


def test_a_meter_is_recorded_beside_the_scope_and_one_that_is_absent_ends_nothing(tmp_path):
    config, made, env = tmp_path / "s.toml", tmp_path / "r.h5", environment(tmp_path)
    with bench("--supply", "dc") as visa, meter() as port:
        config.write_text(settings(visa, {"plug": port, "absent": vacant_port()}))
        arguments = ("--quiet", "--broker", "none", "--seconds", "2", "-o", made)
        said("record", "--config", config, *arguments, env=env)
    facts = json.loads(said("info", made, "--json", env=env))
    (channel,) = facts["slow_channels"]
    assert (channel["name"], channel["source"], channel["unit"]) == ("wall power", "plug", "W")
    assert channel["n_readings"] > 5
    with Recording(made) as recording:
        events = [m for m in recording.markers if m.stage == "event"]
    assert [m.attrs["kind"] for m in events if "meter" in m.attrs] == ["lost"]
    table = json.loads(said("stages", made, "--json", env=env))
    (slow,) = table["slow"]
    assert slow["total"]["energy_j"] == pytest.approx(WATTS * table["total"]["duration_s"])
    assert 0 < slow["total"]["coverage"] <= 1
    assert "wall power" in said("stages", made, env=env)
