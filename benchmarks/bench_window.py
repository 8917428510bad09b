"""The demo as a whole: frames of the window, samples that were lost, and live against replayed.

Bench, broker and engine run as they do in ``wattstage demo``, at 2 x 100 kS/s with dead time; the
window is shown on whatever display there is (QT_QPA_PLATFORM=offscreen paints the same pixels).

    python benchmarks/bench_window.py [--seconds 60] [--size 1600x1000]
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "*=false")

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from monitor.analysis.stage_table import stage_table
from monitor.cli.demo import running
from monitor.model import NS, StageTable
from monitor.recording.reader import Recording
from ui.feed import EngineFeed
from ui.window import Window


def main() -> None:
    """Run once and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", default="1600x1000", help="of the window, in pixels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording, truth = folder / "session.h5", folder / "truth.jsonl"
        bench = ["--start-delay", "3", "--truth", str(truth)]
        scope = ["--rate", "100000", "--record-length", "0.1"]
        endpoint = f"ipc://{folder / 'engine.ipc'}"
        with running(recording, endpoint, bench=bench, engine=scope) as client:
            frames = watch(endpoint, options.seconds, options.size)
            live = client.table()
        print(f"window        {options.size}, {options.seconds:g} s")
        print(f"frames/s      median {frames[len(frames) // 2]}, slowest second {frames[0]}")
        compare(recording, truth, live)


def watch(endpoint: str, seconds: float, size: str) -> list[int]:
    """Show the window and return the frames that it painted in each second, fewest first."""
    app = QApplication(["bench"])
    app.setStyle("Fusion")
    window = Window(EngineFeed(endpoint))
    window.resize(*map(int, size.split("x")))
    window.show()
    painted: list[int] = []
    each_second = QTimer(window)
    each_second.timeout.connect(lambda: painted.append(window.plots.n_painted))
    each_second.start(1000)
    QTimer.singleShot(round(seconds * 1000), window.close)
    app.exec()
    settled = painted[2:]
    return sorted(b - a for a, b in itertools.pairwise(settled))


def compare(path: Path, truth: Path, live: StageTable) -> None:
    """Print what the recording lacks, and how far it is from what the live session said."""
    records = [json.loads(line) for line in truth.read_text().splitlines()]
    with Recording(path) as recording:
        began_ns = recording.start_ns - NS // 20
        ended_ns = recording.info.time_ns(recording.bounds[1])
        handed_out = [r["n"] for r in records if began_ns <= r["t0_ns"] < ended_ns]
        began = time.perf_counter()
        table = stage_table(recording, "replayed")
        opened_s = time.perf_counter() - began
        print(f"handed out    {sum(handed_out)} samples a channel in {len(handed_out)} records")
        print(f"recorded      {recording.n_samples} in {recording.n_blocks} blocks")
        print(f"coverage      {recording.coverage:.1%} (the rest is the scope's dead time)")
    print(f"stage table   {len(table.stages)} stages from the file in {opened_s:.2f} s")
    print(f"live - file   {difference(live, table):.1e} (largest relative difference of an energy)")


def difference(live: StageTable, table: StageTable) -> float:
    """Return the largest relative difference between stages that had ended in both."""
    ours = {(s.stage.run_id, s.stage.span_id): s for s in table.stages}
    ended = [s for s in live.stages if s.stage.stop_ns is not None]
    return max(
        (
            abs(s.energy_j / ours[s.stage.run_id, s.stage.span_id].energy_j - 1)
            for s in ended
            if s.energy_j
        ),
        default=math.nan,
    )


if __name__ == "__main__":
    main()
