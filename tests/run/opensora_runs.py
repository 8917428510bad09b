"""Runs a program by ``wattstage run``, and gathers what it tells."""

import asyncio
import os
import shutil
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
NO_TIME = b"the program had ended before the broker took them"


class Told:
    """What one run told: its output, exit code, markers and stages."""

    def __init__(self, process, markers):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr
        self.markers = markers
        tree = StageTree()
        for marker in markers:
            tree.add(marker)
        self.stages = tree.stages(time.time_ns())
        self._ranks = {marker.span_id: marker.rank for marker in markers}

    def of_rank(self, rank):
        """Return the stages that one process told, in order."""
        return [stage for stage in self.stages if self._ranks[stage.span_id] == rank]

    def tree(self, root):
        """Return the names below the first stage of that path, in order, indented by depth."""
        return self.below(next(stage for stage in self.stages if stage.path == root))

    def trees(self, root):
        """Return the names below each stage of that path."""
        return [self.below(stage) for stage in self.stages if stage.path == root]

    def below(self, top):
        """Return the names below a stage, in order, indented by depth."""
        inside, lines = {top.span_id}, []
        for stage in self.stages:
            if stage.parent_id in inside and stage.span_id:
                inside.add(stage.span_id)
                lines.append("  " * (stage.depth - top.depth - 1) + stage.name)
        return lines

    def points(self, name):
        return [marker for marker in self.markers if marker.stage == name]


def run(command, *, cwd=None, options=(), env=None):
    """Run a command by ``wattstage run`` beside a broker, to its end.

    Once more, if it says that it had no time to tell all: a computer may stand still for seconds.
    """

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
                theirs = [m for m in markers if m.run_id != client.run_id]
                return Told(process, theirs)

    told = asyncio.run(gather())
    return asyncio.run(gather()) if NO_TIME in told.err else told


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


def checkout(version, folder):
    """Return the folder of a fake of a version; one that is made of two is put together there."""
    if version != "v2_0_scaling":
        return FAKES / version
    made = folder / "checkout"
    for layer in ("v2_0", version):
        shutil.copytree(
            FAKES / layer, made, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    return made


def script_of(version):
    """Return the script of a version that makes videos, as its folder has it."""
    return f"scripts/{'diffusion/' if version.startswith('v2') else ''}inference.py"


def command_of(version, folder, *args, script=None, ranks=None, python=sys.executable):
    """Return how the fake of a version is run, and where; its videos land in ``videos`` there."""
    here, videos = checkout(version, folder), folder / "videos"
    videos.mkdir(exist_ok=True)
    launch = [] if ranks is None else [str(FAKES / "torchrun.py"), str(ranks)]
    path = os.pathsep.join([str(here), str(FAKES)])
    command = [python, *launch, script or script_of(version), str(videos), *args]
    return command, {"cwd": here, "env": {"PYTHONPATH": path}}


def opensora(version, folder, *args, env=None, options=(), **how_to):
    """Run the fake of a version by ``wattstage run``."""
    command, how = command_of(version, folder, *args, **how_to)
    return run(command, cwd=how["cwd"], env={**how["env"], **(env or {})}, options=options)
