"""Read 1 MB blocks of random int8 over SOCKET: exactly, and with a termination character.

    python benchmarks/bench_visa_read.py [--rounds N]

A tiny server in another process answers on loopback. The two ways are interleaved, so that a
busy machine hurts both, and the best of N counts. Fails below ``REQUIRED``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib import metadata
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pyvisa

from monitor.sources.visa import VisaLink

N_BYTES = 1_000_000
REQUIRED = 5.0
_CHUNK = 20 * 1024  # PyVISA's default


def payload() -> bytes:
    """Return the same random bytes in both processes; 1 in 256 is a line feed."""
    return np.random.default_rng(1).integers(0, 256, N_BYTES, dtype=np.uint8).tobytes()


def serve(told: Connection) -> None:
    """Answer every line with a definite-length block."""
    reply = b"#8%08d" % N_BYTES + payload() + b"\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told.send(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection, reply), daemon=True).start()


def answer(connection: socket.socket, reply: bytes) -> None:
    """Answer the lines of one connection."""
    with connection, connection.makefile("rb") as lines:
        for _ in lines:
            connection.sendall(reply)


def best_s(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the shortest time of each way, in s; check what it read."""
    expected = np.frombuffer(payload(), np.int8)
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, read in ways.items():
            begun = time.perf_counter()
            codes = read()
            best[name] = min(best[name], time.perf_counter() - begun)
            assert np.array_equal(codes, expected)
    return best


def measure(address: str, rounds: int) -> dict[str, float]:
    """Return MB/s of each way."""
    manager = pyvisa.ResourceManager("@py")
    plain = manager.open_resource(address, timeout=30_000, chunk_size=_CHUNK)
    assert isinstance(plain, pyvisa.resources.MessageBasedResource)
    plain.read_termination = plain.write_termination = "\n"
    with VisaLink(address, 30.0) as link:
        best = best_s(
            {
                "VisaLink.query_block": lambda: link.query_block("D?", "i1"),
                "query_binary_values, LF": lambda: plain.query_binary_values(
                    "D?",
                    datatype="b",
                    container=np.array,  # type: ignore[arg-type]
                ),
            },
            rounds,
        )
    plain.close()
    return {name: N_BYTES / 1e6 / seconds for name, seconds in best.items()}


def main() -> int:
    """Print a table; return 1 if the exact read is not fast enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        speeds = measure(f"TCPIP::127.0.0.1::{here.recv()}::SOCKET", rounds)
    finally:
        server.terminate()
        server.join()
    exact, terminated = speeds.values()
    print(
        f"Python {platform.python_version()}, PyVISA {pyvisa.__version__},"
        f" PyVISA-py {metadata.version('pyvisa-py')}, numpy {np.__version__}; best of {rounds},"
        f" {N_BYTES / 1e6:g} MB of random int8"
    )
    for name, speed in speeds.items():
        print(f"{name:<26}{speed:8.1f} MB/s")
    print(f"{'ratio':<26}{exact / terminated:8.1f}   (required: {REQUIRED:g})")
    return 0 if exact >= REQUIRED * terminated else 1


if __name__ == "__main__":
    sys.exit(main())
