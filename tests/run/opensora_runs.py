"""Runs a program by ``wattstage run``, and gathers what it tells."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from monitor.dsp.stages import StageTree
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.client import MarkerClient
from monitor.markers.feed import MarkerFeed
from monitor.model import Marker

FAKES = Path(__file__).parents[1] / "workload" / "fakes"
ROOT = Path(__file__).parents[2]
LIMIT_S = 60


class Told:
    """What one run told: its output, exit code, markers and stages."""

    def __init__(self, process, markers):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr
        self.markers = markers
        tree = StageTree()
        for marker in markers:
            tree.add(marker)
        self.stages = tree.stages(time.time_ns())

    def tree(self, root):
        """Return names and indices below the first stage of that path, in order, by depth."""
        first = next(k for k, s in enumerate(self.stages) if s.path == root)
        lines = []
        for stage in self.stages[first + 1 :]:
            if stage.depth <= self.stages[first].depth:
                break
            lines.append("  " * (stage.depth - self.stages[first].depth - 1) + stage.name)
        return lines

    def points(self, name):
        return [marker for marker in self.markers if marker.stage == name]


def run(command, *, cwd=None, options=(), env=None):
    """Run a command by ``wattstage run`` beside a broker, to its end."""

    async def gather():
        with EmbeddedBroker(0) as broker:
            async with MarkerFeed(broker.url) as feed:
                await feed.wait_connected(10.0)
                markers, ended = [], asyncio.Event()

                async def pump():
                    async for marker in feed:
                        if not isinstance(marker, Marker) or marker.stage == "event":
                            continue  # of telemetry
                        if marker.stage == "over":
                            ended.set()
                        else:
                            markers.append(marker)

                task = asyncio.create_task(pump())
                started = [sys.executable, "-m", "monitor.cli", "run", "--broker", broker.url]
                process = await asyncio.to_thread(
                    plain, [*started, *options, "--", *command], cwd=cwd, env=env
                )
                with MarkerClient(broker.url) as client:
                    client.point("over")
                await asyncio.wait_for(ended.wait(), LIMIT_S)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return Told(process, markers)

    return asyncio.run(gather())


def plain(command, *, cwd=None, env=None):
    """Run a command as it is."""
    path = os.pathsep.join([str(ROOT), *(env or {}).get("PYTHONPATH", "").split(os.pathsep)])
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {}), "PYTHONPATH": path.strip(os.pathsep)},
        capture_output=True,
        check=False,
        timeout=LIMIT_S,
    )


def opensora(version, folder, python=sys.executable, **more):
    """Run the fake of a version; its videos land in the folder."""
    folder.mkdir()
    return run(
        [python, "inference.py", str(folder)],
        cwd=FAKES / version,
        env={"PYTHONPATH": os.pathsep.join([str(FAKES / version), str(FAKES)])},
        **more,
    )
