"""Where an engine listens: a socket file that only its user can open."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from monitor.errors import ConfigError

_OWN = "engine-{}.ipc"  # with the number of the process that started it
_MAX_IPC_PATH = 103  # bytes: what fits into sockaddr_un with its terminator, on every Unix


def folder() -> Path:
    """Return the private folder of this user's engines, made if need be.

    Raises
    ------
    ConfigError
        If somebody else owns it, so that a stranger's engine is never taken for ours.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    path = Path(base) / "wattstage" if base else Path(tempfile.gettempdir()) / f"wattstage-{_uid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != _uid() or path.stat().st_mode & 0o077:
        raise ConfigError(
            f"{path} must belong to you alone (mode 0700); remove it or set XDG_RUNTIME_DIR"
        )
    return path


def default() -> str:
    """Return the endpoint that is used when none is given."""
    return os.environ.get("WATTSTAGE_ENDPOINT") or f"ipc://{folder() / 'engine.ipc'}"


def own() -> str:
    """Return an endpoint that no other process uses."""
    return f"ipc://{folder() / _OWN.format(os.getpid())}"


def running() -> str:
    """Return where to look for a running engine when nothing is given.

    The default; if no engine is there and one runs elsewhere, as that of the demo does, that one.

    Raises
    ------
    ConfigError
        If several run elsewhere.
    """
    where = default()
    if os.environ.get("WATTSTAGE_ENDPOINT") or Path(where.removeprefix("ipc://")).exists():
        return where
    others = [f"ipc://{path}" for path in sorted(folder().glob(_OWN.format("*"))) if _lives(path)]
    if len(others) > 1:
        raise ConfigError(
            f"{len(others)} engines run, none of them at {where}; name one of them with"
            f" --endpoint: {', '.join(others)}"
        )
    return others[0] if others else where


def check(endpoint: str) -> str:
    """Return the endpoint if an engine may listen there; ConfigError says why not."""
    parts = urlsplit(endpoint)
    if parts.scheme == "ipc" and parts.path:
        if len(endpoint.removeprefix("ipc://").encode()) > _MAX_IPC_PATH:
            raise ConfigError(f"{endpoint}: a socket path has at most {_MAX_IPC_PATH} bytes")
        return endpoint
    if parts.scheme == "tcp" and parts.hostname in {"127.0.0.1", "localhost", "::1"} and parts.port:
        return endpoint
    raise ConfigError(
        f"engine endpoint {endpoint!r}: expected ipc:///path/to/file or tcp://127.0.0.1:PORT"
        " (loopback only)"
    )


def remove(endpoint: str) -> None:
    """Remove the socket file that an engine leaves behind."""
    if endpoint.startswith("ipc://"):
        Path(endpoint.removeprefix("ipc://")).unlink(missing_ok=True)


def _lives(path: Path) -> bool:
    """Return whether the process that started the engine of a socket file still runs."""
    number = path.stem.removeprefix("engine-")
    try:
        os.kill(int(number), 0)
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _uid() -> int:
    return os.getuid()
