"""Where the energy of a recording went."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from monitor.dsp.attribution import attribute
from monitor.model import NS, HeldEnergy, StageEnergy, StageTable
from monitor.recording.reader import Recording


def stage_table(recording: Recording, session: str) -> StageTable:
    """Return what each stage used, the total and the unattributed rest.

    Parameters
    ----------
    session
        What the table is called.
    """
    start, stop = recording.bounds
    stages = recording.stage_tree.stages(recording.info.time_ns(stop))
    return attribute(stages, recording.info, start, stop, recording, session, recording.slow.held)


def to_json_value(table: StageTable) -> dict[str, Any]:
    """Return what ``wattstage stages --json`` prints; what is not known is null.

    Slow power channels are under ``slow``, which is only there if there are any; each stage has
    them in the same order. ``u_j`` is there if a calibration states an uncertainty.
    """
    total, rest = table.total, table.unattributed
    value: dict[str, Any] = {
        "session": table.session,
        "total": {
            "energy_j": _known(total.energy_j),
            "duration_s": _known(total.duration_s),
            "mean_w": _known(total.mean_w),
            "peak_w": _known(total.peak_w),
            "coverage": _known(total.coverage),
            **_uncertainty(total.u_j),
        },
        "unattributed": {
            "energy_j": _known(rest.energy_j),
            "duration_s": _known(rest.duration_s),
            **_uncertainty(rest.u_j),
        },
        "peak_window_s": _known(table.peak_window_s),
        "stages": [_stage(used) for used in table.stages],
    }
    if table.slow:
        value["slow"] = [
            msgspec.to_builtins(slow.channel)
            | {"total": _held(slow.total), "unattributed": _held(slow.unattributed)}
            for slow in table.slow
        ]
        for k, stage in enumerate(value["stages"]):
            stage["slow"] = [_held(slow.stages[k]) for slow in table.slow]
    return value


def _held(used: HeldEnergy) -> dict[str, Any]:
    return {"energy_j": _known(used.energy_j), "coverage": _known(used.coverage)}


def _stage(used: StageEnergy) -> dict[str, Any]:
    stage = used.stage
    return {
        "path": stage.path,
        "index": stage.index,
        "start_ns": stage.start_ns,
        "stop_ns": stage.stop_ns,
        "duration_s": _known(used.duration_s),
        "energy_j": _known(used.energy_j),
        "mean_w": _known(used.mean_w),
        "peak_w": _known(used.peak_w),
        "coverage": _known(used.coverage),
        "truncated": stage.truncated,
        "status": stage.attrs.get("status"),
        "timing": stage.timing,
        "warmup": stage.warmup,
        "outside_s": _known(used.outside_s),
        "edge_uncertainty_s": stage.uncertainty_ns / NS,
        "name": stage.name,
        "leaf": stage.leaf,
        "depth": stage.depth,
        **_uncertainty(used.u_j),
    }


def _uncertainty(u_j: float | None) -> dict[str, float]:
    """Return the entry of an uncertainty; none if the calibration states none."""
    return {} if u_j is None else {"u_j": u_j}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
