"""An engine of the window's own, which replays a recording from the playhead on."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from monitor.engine.client import EngineClient
from monitor.errors import EngineError

_START_S = 20.0  # a cold start of Python with its libraries on a busy machine
_STOP_S = 5.0


class ReplayProcess:
    """An engine process that replays a file; it ends with ``close``.

    Parameters
    ----------
    path
        The recording.
    start_s
        Seconds from the start of the recording.
    speed
        Times as fast as it happened.
    """

    def __init__(self, path: Path, *, start_s: float, speed: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wattstage-replay-")
        folder = Path(self._folder.name)
        self.endpoint = f"ipc://{folder / 'engine.ipc'}"
        self._errors = folder / "errors"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command(path, start_s=start_s, speed=speed, endpoint=self.endpoint),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # an interrupt in the terminal is the window's to handle
            )

    def wait(self) -> None:
        """Return once it answers; EngineError with its last words if it does not."""
        with EngineClient(self.endpoint, timeout_s=0.2) as client:
            for _ in range(round(_START_S / 0.2)):
                if self._process.poll() is not None:
                    break
                with contextlib.suppress(EngineError):
                    client.hello()
                    return
        raise EngineError(f"the replay did not start: {self._last_words()}")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _last_words(self) -> str:
        lines = self._errors.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its process said nothing"


def command(path: Path, *, start_s: float, speed: float, endpoint: str) -> list[str]:
    """Return the command line of the engine."""
    arguments = ["--replay", str(path), "--start-s", f"{start_s:.6f}", "--speed", f"{speed:g}"]
    return [sys.executable, "-m", "monitor.cli", "engine", *arguments, "--endpoint", endpoint]
