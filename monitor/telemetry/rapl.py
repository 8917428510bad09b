"""The energy counters of a processor (RAPL), as the kernel shows them.

See docs.kernel.org/power/powercap/powercap.html. Zones of AMD's processors have Intel's name, too.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from monitor.telemetry.sensors import Group, MeanOfCounter, Say, Sensor

POWERCAP = Path("/sys/class/powercap")
_PERIOD_S = 0.1  # the counter is updated every millisecond, so this is the window of each mean
_ZONE = re.compile(r"(intel-rapl:\d+)(:\d+)?")


def processors(say: Say, root: Path = POWERCAP) -> list[Group]:
    """Return a sensor for each zone: package, core, dram, uncore, psys.

    Parameters
    ----------
    say
        Is told why there is none.
    root
        Folder of the zones, elsewhere if the host's is mounted there.
    """
    groups, is_refused = [], False
    device = _processor()
    for zone in _zones(root):
        try:
            groups.append(_group(zone, device))
        except PermissionError:
            is_refused = True
        except (OSError, ValueError) as error:
            say(f"the RAPL zone {zone.name} cannot be read: {error}")
    if is_refused:
        say(
            "no CPU telemetry: only root may read RAPL's energy counters;"
            f" sudo chmod a+r {root}/intel-rapl:*/energy_uj lets everybody until the next start"
        )
    elif not groups:
        say(f"no CPU telemetry: there are no RAPL zones in {root}, as in most virtual machines")
    return groups


def _zones(root: Path) -> Iterator[Path]:
    try:
        found = [path for path in root.iterdir() if _ZONE.fullmatch(path.name)]
    except OSError:
        return
    yield from sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])


def _group(zone: Path, device: str) -> Group:
    """Return the sensor of a zone; raises OSError or ValueError if it cannot be read."""
    _count(zone)
    range_uj = int((zone / "max_energy_range_uj").read_text("ascii"))
    sensor = Sensor(
        name=f"{_name(zone)} power, RAPL",
        device=device,
        unit="W",
        interval_s=_PERIOD_S,
        note="energy counter: mean since the value before",
    )
    # One more than the highest count: from that, the next count is 0.
    rule = MeanOfCounter(1e-6, least_s=_PERIOD_S / 2, range=range_uj + 1)
    return Group((sensor,), (rule,), _PERIOD_S, functools.partial(_read, zone))


def _read(zone: Path) -> tuple[float]:
    return (_count(zone),)


def _count(zone: Path) -> float:
    return float((zone / "energy_uj").read_text("ascii"))


def _name(zone: Path) -> str:
    """Return what is shown of a zone: ``CPU 0 package``, ``CPU 0 dram``."""
    name = (zone / "name").read_text("utf-8").strip()
    match = _ZONE.fullmatch(zone.name)
    if match and match[2]:
        outer = (zone.with_name(match[1]) / "name").read_text("utf-8").strip()
        return f"{_package(outer)} {name}"
    return f"{_package(name)} package" if name.startswith("package-") else f"CPU {name}"


def _package(name: str) -> str:
    return "CPU " + name.removeprefix("package-")


def _processor() -> str:
    """Return the model of the processor; ``CPU`` where that is not told."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return "CPU"
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else "CPU"
