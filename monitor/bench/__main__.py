"""Run the bench in a process of its own: ``python -m monitor.bench`` or ``wattstage bench``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.load.workload import WorkloadSettings
from monitor.bench.meters.choice import METERS
from monitor.bench.meters.powermeter import Wrong
from monitor.bench.scope.faults import Fault, Planned
from monitor.bench.scope.mistakes import MISTAKES
from monitor.bench.scope.panel import ScopeSettings
from monitor.bench.transports.choice import TRANSPORTS
from monitor.bench.vendors.instruments import INSTRUMENTS
from monitor.errors import ConfigError, WattstageError
from monitor.mqtt.address import by_environment


def main(argv: Sequence[str] | None = None) -> int:
    """Run until a signal, or the end of standard input; return the exit code.

    When the scope listens, one line of JSON on standard output says where.
    """
    try:
        arguments = _parser().parse_args(argv)
        lab = Lab(_settings(arguments))
        asyncio.run(_run(lab, until_stdin_closes=arguments.until_stdin_closes))
    except WattstageError as error:
        sys.stderr.write(f"wattstage bench: {error}\n")
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    """Reports a mistake as one sentence."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see --help")


def _parser() -> argparse.ArgumentParser:
    scope, workload = ScopeSettings(), WorkloadSettings()
    parser = _Parser(
        prog="wattstage bench",
        description="A virtual lab: a scope on loopback, measuring the supply of a simulated"
        " Open-Sora run or playing a real capture.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dialect", choices=sorted(INSTRUMENTS), default="keysight", help="whose scope it is")
    add("--transport", choices=sorted(TRANSPORTS), default="socket", help="how it is reached")
    add("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 takes any free one")
    add(
        "--fault",
        metavar="NAME[@SECONDS][xTIMES]",
        type=Planned.parse,
        action="append",
        default=[],
        help=f"what goes wrong, and when; {', '.join(fault.value for fault in Fault)}",
    )
    add(
        "--mistake",
        choices=list(MISTAKES),
        action="append",
        default=[],
        help="what was done wrong when it was connected and set",
    )
    add("--announce", action="store_true", help="announce it by mDNS, on loopback only")
    add(
        "--meter",
        choices=sorted(METERS),
        action="append",
        default=[],
        help="a meter that measures the same load",
    )
    add("--meter-error", choices=[w.value for w in Wrong], help="what it gives instead of values")
    add("--meter-error-every", type=int, default=5, help="update intervals, one without values")
    add("--supply", choices=("mains230", "mains120", "dc"), default="mains230")
    add("--capture", type=Path, help="play this folder of a PMD-USB meter instead of the model")
    add(
        "--loop",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="begin the capture again at its end",
    )
    add("--start-delay", type=float, default=0.0, help="seconds until the load begins")
    add("--speed", type=float, default=workload.speed, help="of the run; 1 is a real run's pace")
    add("--resolution", default=workload.resolution, help="256px or 768px")
    add("--frames", type=int, default=workload.frames, help="per clip: 4k + 1, at most 129")
    add("--steps", type=int, default=workload.steps, help="denoising steps per clip")
    add("--gpus", type=int, default=workload.n_gpus)
    add("--clips", type=int, help="how many to make; without it, without end")
    add("--max-rate", type=float, default=scope.max_rate_hz, help="samples per second, at most")
    add("--dead-time", type=float, default=scope.dead_time_s, help="seconds after each record")
    add("--gap-free", action="store_true", help="records follow each other without dead time")
    add("--memory", type=float, default=scope.memory_s, help="seconds that --gap-free remembers")
    add("--bits", type=int, default=scope.bits, help="effective, of the scope's converters")
    add("--current-in-volts", action="store_true", help="show the clamp's volts, 100 mV/A")
    add(
        "--broker",
        metavar="URL",
        type=by_environment,
        help="publish the load's markers, e.g. to mqtt://127.0.0.1:1883",
    )
    add("--prefix", default="wattstage", help="first level of the markers' topics")
    add("--truth", metavar="FILE", type=Path, help="write each record handed out, as JSON lines")
    add("--seed", type=int, default=1, help="of all noise")
    add("--until-stdin-closes", action="store_true", help="end when standard input does")
    return parser


def _settings(arguments: argparse.Namespace) -> BenchSettings:
    seed = arguments.seed
    if not 0 <= seed < 1 << 32:
        raise ConfigError(f"seed must be 0 to 4294967295, got {seed}")
    return BenchSettings(
        dialect=arguments.dialect,
        transport=arguments.transport,
        port=arguments.port,
        faults=tuple(arguments.fault),
        mistakes=tuple(arguments.mistake),
        announce=arguments.announce,
        meters=tuple(arguments.meter),
        meter_error=Wrong(arguments.meter_error) if arguments.meter_error else None,
        meter_error_every=arguments.meter_error_every,
        supply=arguments.supply,
        capture=arguments.capture,
        loop=arguments.loop,
        start_delay_s=arguments.start_delay,
        workload=WorkloadSettings(
            resolution=arguments.resolution,
            n_gpus=arguments.gpus,
            frames=arguments.frames,
            steps=arguments.steps,
            n_clips=arguments.clips,
            speed=arguments.speed,
            psu_efficiency=1.0 if arguments.supply == "dc" else WorkloadSettings().psu_efficiency,
            seed=seed,
        ),
        scope=ScopeSettings(
            bits=arguments.bits,
            dead_time_s=arguments.dead_time,
            max_rate_hz=arguments.max_rate,
            gap_free=arguments.gap_free,
            memory_s=arguments.memory,
            seed=seed,
        ),
        current_in_volts=arguments.current_in_volts,
        broker=arguments.broker,
        prefix=arguments.prefix,
        truth=arguments.truth,
        seed=seed,
    )


async def _run(lab: Lab, *, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        threading.Thread(target=_await_end, args=(loop, stop), daemon=True).start()
    async with lab:
        hello = {"visa": lab.visa, "pid": os.getpid(), "zero_ns": lab.zero_ns}
        if lab.meters:
            hello["meters"] = {name: meter.address for name, meter in lab.meters.items()}
        sys.stdout.write(json.dumps(hello) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _await_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set ``stop`` when standard input ends. A thread, for an end may be a file, pipe or tty."""
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
