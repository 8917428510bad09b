"""A scope, and a program whose host has a GPU: from the GPU's driver to the stage table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from main_job.lab import LIMIT_S, bench, environment, recorder, said

from monitor.engine.client import EngineClient
from monitor.markers.broker import EmbeddedBroker

FAKES = Path(__file__).parents[1] / "telemetry" / "fakes"
RUN = "import time; time.sleep(2.5)"


def test_the_gpus_of_a_run_stand_beside_its_stages_and_are_not_added(tmp_path):
    endpoint, made, env = f"ipc://{tmp_path}/e", tmp_path / "r.h5", environment(tmp_path)
    gpu_host = {
        **env, "WATTSTAGE_FAKE_GPUS": "2",
        "PYTHONPATH": os.pathsep.join([*filter(None, [env.get("PYTHONPATH")]), str(FAKES)]),
    }  # fmt: skip
    with (
        EmbeddedBroker(0) as broker,
        bench("--supply", "dc") as visa,
        recorder(endpoint, "--visa", visa, "--broker", broker.url, "-o", made) as engine,
        EngineClient(endpoint) as client,
    ):
        client.wait(LIMIT_S)
        ran = subprocess.run(
            [sys.executable, "-m", "monitor.cli", "run", "--broker", broker.url, "--",
             sys.executable, "-c", RUN],
            env=gpu_host, timeout=LIMIT_S, capture_output=True, check=False,
        )  # fmt: skip
        client.shutdown()
        engine.wait(LIMIT_S)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    facts = json.loads(said("info", made, "--json", env=env))
    names = [channel["name"] for channel in facts["slow_channels"]]
    kinds = ("power, NVML instant", "power, NVML 1 s average", "power, NVML energy counter",
             "SM clock", "memory clock", "temperature", "utilisation", "memory utilisation",
             "enforced power limit")  # fmt: skip
    assert names == [f"GPU {k} {kind}" for k in (0, 1) for kind in kinds]
    assert all(channel["n_readings"] for channel in facts["slow_channels"])
    table = json.loads(said("stages", made, "--json", env=env))
    powers = [slow["name"] for slow in table["slow"]]
    assert powers == [f"GPU {k} {kind}" for k in (0, 1) for kind in kinds[:3]]
    (run,) = [stage for stage in table["stages"] if stage["path"] == "run"]
    assert run["energy_j"] + table["unattributed"]["energy_j"] == pytest.approx(
        table["total"]["energy_j"]
    )
    counted = run["slow"][2]
    assert counted["coverage"] > 0.6
    # A card draws 100 to 400 W; when its counter was updated is known to a look.
    assert 95 < counted["energy_j"] / run["duration_s"] < 420
    events = said("lag", made, env=env)
    assert "GPU 1 power, NVML 1 s average, by NVIDIA Fake 1 GPU-00000001, " in events
    assert "not known: " in events
