"""A big recording in the window: how soon it is on the screen, and how soon after each move.

Makes a recording with a voltage and a current, gaps, and 1,000 stages, unless there is one; then
starts `wattstage watch` on it as a user does, and times from the start of the process to the
first picture of the whole; then pans and zooms in a window, each timed until data of the new span
is painted. The page cache is dropped before each start, then it is warm.

Run: python benchmarks/bench_big_file.py [--gb 10] [--supply mains] [--folder FOLDER] [--keep]

Without a display it is shown offscreen, which paints the same pixels.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

os.environ.setdefault("QT_LOGGING_RULES", "*=false")
if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil
from bench_record import RATE_HZ, SCALES, codes_of, info
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from monitor.model import NS, Block, Edge, Marker, Supply
from monitor.recording.recorder import Recorder
from ui.recording_feed import RecordingFeed
from ui.window import Window

BLOCK = 1_000_000
GAP = 20_000  # samples lost after every tenth block
N_STAGES = 1000
# As a window does: who looks again and again takes Python's lock from the thread that reads.
_WAIT = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
_HOOK = """
import os, sys, time
from monitor.workload.imports import ImportWatch

def patch(module):
    plain = module.PlotStack.paintEvent
    def paint(self, event):
        plain(self, event)
        frame = self._frame
        if frame is None or frame.view is None:
            return
        whole = frame.snapshot.start, frame.snapshot.stop
        if (frame.view.edges[0], frame.view.edges[-1]) == whole:
            os.write(2, b"PAINTED %.6f\\n" % time.time())
            module.PlotStack.paintEvent = plain
    module.PlotStack.paintEvent = paint

watch = ImportWatch(print)
watch.when("ui.plot_stack", patch)
watch.install()
"""


def make(path: Path, n_bytes: float, supply: Supply) -> None:
    """Record samples as fast as the disk takes them, with stages all along."""
    codes, n = codes_of(20 * BLOCK), int(n_bytes / 4)
    with Recorder(path, info(supply)) as recorder:
        at, k = 0, 0
        while at < n:
            place = k * BLOCK % codes.shape[1]
            recorder.write(Block(at, codes[:, place : place + BLOCK], SCALES, (0, 0), at * 1000, 0))
            at, k = at + BLOCK + GAP * (k % 10 == 9), k + 1
            while recorder.state.queued_s > 8.0:
                time.sleep(0.001)
        length_ns = int(at / RATE_HZ * NS)
        for number in range(N_STAGES):
            for edge, share in ((Edge.BEGIN, 0.1), (Edge.END, 0.9)):
                recorder.mark(
                    Marker(
                        time_ns=int((number + share) * length_ns / N_STAGES), stage="denoise_step",
                        edge=edge, span_id=str(number), run_id="r", index=number, received_ns=1,
                    )
                )  # fmt: skip
        assert not recorder.state.error


def first_picture(path: Path, *, cold: bool) -> float:
    """Return the seconds from the start of ``wattstage watch`` to its first picture."""
    if cold:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    with tempfile.TemporaryDirectory() as hooks:
        Path(hooks, "sitecustomize.py").write_text(_HOOK)
        env = {**os.environ, "PYTHONPATH": f"{hooks}:{Path(__file__).parents[1]}"}
        command = [sys.executable, "-m", "monitor", "watch", str(path), "--seconds", "60"]
        begin = time.time()
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if line.startswith("PAINTED"):
                    took_s = float(line.split()[1]) - begin
                    process.terminate()
                    return took_s
    raise SystemExit("the window was never painted")


class Moves:
    """Moves in a window, each timed until its data is painted."""

    def __init__(self, path: Path) -> None:
        self._app = QApplication.instance() or QApplication(["bench"])
        self._app.setStyle("Fusion")
        self.window = Window(RecordingFeed(path))
        self.window.show()
        self._until_painted()

    def timed(self, move) -> float:
        """Return the seconds from a move until what it shows is painted."""
        begin = time.perf_counter()
        move()
        self._until_painted()
        return time.perf_counter() - begin

    def _until_painted(self) -> None:
        plots, deadline = self.window.plots, time.monotonic() + 60
        while time.monotonic() < deadline:
            self._app.processEvents(_WAIT)
            frame, wanted = plots._frame, self.window.navigator.request()
            if frame is None or frame.view is None or wanted.start is None:
                continue
            first, last = frame.snapshot.start, frame.snapshot.stop
            edges = frame.view.edges
            if (edges[0], edges[-1]) == (max(wanted.start, first), min(wanted.stop, last)):
                painted = plots.n_painted
                while plots.n_painted == painted:
                    self._app.processEvents(_WAIT)
                return
        raise SystemExit("what was asked for was never painted")


def move_about(path: Path) -> None:
    """Zoom in from all to 2,000 samples at many places, with pans between, and print a table."""
    moves = Moves(path)
    rng, took = np.random.default_rng(0), {"zoom": [], "pan": [], "fit": []}
    navigator = moves.window.navigator
    for _ in range(6):
        while (request := navigator.request()).stop - request.start > 2000:
            took["zoom"].append(moves.timed(lambda: navigator.zoom(0.25)))
            share = float(rng.uniform(-2, 2))
            took["pan"].append(moves.timed(lambda share=share: navigator.pan(share)))
        took["fit"].append(moves.timed(navigator.fit))
    for name, each in (*took.items(), ("all", [*chain(*took.values())])):
        p50, p95, worst = 1e3 * np.percentile(each, (50, 95, 100))
        print(
            f"{name:5} to painted: p50 {p50:6.1f} ms, p95 {p95:6.1f} ms, worst {worst:6.1f} ms"
            f" ({len(each)})"
        )
    print(f"memory of the window: {psutil.Process().memory_info().rss / 1e6:.0f} MB")
    moves.window.close()


def main() -> None:
    """Make the file if needed, start the window on it, and move about in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gb", type=float, default=10.0)
    parser.add_argument("--supply", choices=("mains", "dc"), default="mains")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--keep", action="store_true", help="the file, for the next time")
    options = parser.parse_args()
    path = options.folder / f"big-{options.supply}-{options.gb:g}.h5"
    if not path.exists():
        make(path, options.gb * 1e9, Supply(options.supply))
    print(f"{path.name}: {path.stat().st_size / 1e9:.2f} GB")
    for state in ("cold", "warm", "warm", "warm"):
        print(f"{state}: first picture after {first_picture(path, cold=state == 'cold'):.2f} s")
    move_about(path)
    if not options.keep:
        path.unlink()


if __name__ == "__main__":
    main()
