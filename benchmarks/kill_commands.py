"""``wattstage record`` itself, killed and ended in every way; for kill_matrix.py."""

from __future__ import annotations

import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kill_judge import Heard, Row, judge

from monitor.engine.client import EngineClient
from monitor.recording.reader import Recording


@contextmanager
def lab() -> Iterator[str]:
    """Run a virtual scope without dead time; yield its address."""
    bench = [sys.executable, "-m", "monitor.bench", "--supply", "dc", "--gap-free"]
    with subprocess.Popen(bench, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["visa"]
        process.terminate()


def command(visa: str, path: Path) -> tuple[list[str], str]:
    """Return ``wattstage record``, and where its engine listens."""
    endpoint = f"ipc://{path.with_suffix('.ipc')}"
    words = [sys.executable, "-m", "monitor", "record", "--visa", visa, "-o", str(path)]
    return [*words, "--broker", "none", "--endpoint", endpoint], endpoint


def commands_killed(visa: str, folder: Path, rng: random.Random, n: int, rows: list[Row]) -> None:
    """Kill ``wattstage record`` at any time, while another process marks by hand."""
    row = Row("`wattstage record`, kill -9, marks by another process")
    rows.append(row)
    for k in range(n):
        path, heard = folder / f"killed-{k}.h5", Heard()
        words, endpoint = command(visa, path)
        with (
            subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one,
            EngineClient(endpoint) as client,
        ):
            client.wait(30.0)
            while client.frame(n_columns=1).snapshot.recording is None:
                time.sleep(0.01)
            until = time.monotonic() + rng.uniform(1.0, 4.0)
            while time.monotonic() < until:
                text = f"mark {len(heard.marks)}"
                client.mark(text)
                heard.marks.append(text)
                time.sleep(rng.uniform(0.0, 0.1))
            heard.killed_ns = time.time_ns()
            one.kill()
        row.n += 1
        row.marks += len(heard.marks)
        judge(row, path, heard)


def commands_ended(visa: str, folder: Path, rows: list[Row]) -> None:
    """End ``wattstage record`` by signals, and by closing its terminal."""
    for how, number in (
        ("Ctrl-C", signal.SIGINT), ("SIGTERM", signal.SIGTERM), ("SIGHUP", signal.SIGHUP),
        ("closed terminal", None),
    ):  # fmt: skip
        row = Row(f"`wattstage record`, {how}")
        rows.append(row)
        path = folder / f"command-{len(rows)}.h5"
        words, _ = command(visa, path)
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        ) as process:
            os.close(theirs)
            until = time.monotonic() + 8.0
            while time.monotonic() < until:
                if select.select([ours], [], [], 0.1)[0]:
                    os.read(ours, 65_536)
            if number is None:
                os.close(ours)
                process.send_signal(signal.SIGHUP)  # as the kernel does to its session
            else:
                process.send_signal(number)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                row.notes.add("had to be killed")
        row.n += 1
        row.notes.add(f"exit code {process.returncode}")
        judge(row, path, Heard())
        with Recording(path) as recording:
            row.notes.add("ended well" if recording.closed else "not ended")
