"""The runs of a workload that a recording holds, and what is told of each."""

from __future__ import annotations

import msgspec

from monitor.dsp.headers import CONFIG
from monitor.dsp.stages import StageTree
from monitor.model import Scalar
from monitor.recording.reader import Recording


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a workload."""

    run_id: str
    start_ns: int
    """Begin of its first stage, by our clock."""
    stop_ns: int | None
    """End of its last; None while it runs, or if its end was never told."""
    hosts: tuple[str, ...]
    n_senders: int
    failed: bool
    """Whether one of its outermost stages ended with an error, or was broken off."""
    exit_code: int | None
    """Of its program; None if that was not told."""
    reason: str
    """Why it was broken off, the last that was told; empty if it was not."""
    attrs: dict[str, Scalar]
    """What its senders told: resolution, frames, command and so on; of several, the stages and
    the configuration before headers, and the first of those."""


def runs(recording: Recording) -> tuple[Run, ...]:
    """Return the runs of a recording, in the order of their begin."""
    tree = recording.stage_tree
    told: dict[str, dict[str, Scalar]] = {}
    for mark in tree.marks():
        if mark.stage == CONFIG:
            told.setdefault(mark.run_id, {}).update(mark.attrs)
    spans: dict[str, tuple[int, int | None]] = {}
    failed: set[str] = {mark.run_id for mark in tree.marks() if mark.stage == "abort"}
    for stage in tree.stages(recording.info.time_ns(recording.bounds[1])):
        if stage.depth == 0:
            failed |= {stage.run_id} if stage.failed else set()
            begun, ended = spans.get(stage.run_id, (stage.start_ns, stage.start_ns))
            still = ended is None or stage.stop_ns is None
            spans[stage.run_id] = begun, None if still else max(ended or 0, stage.stop_ns or 0)
            told.setdefault(stage.run_id, {}).update(stage.attrs)
    return tuple(
        _run(run_id, span, run_id in failed, told.get(run_id, {}), tree)
        for run_id, span in spans.items()
    )


def _run(
    run_id: str,
    span: tuple[int, int | None],
    failed: bool,
    told: dict[str, Scalar],
    tree: StageTree,
) -> Run:
    # Who tells of the host is not the workload.
    headers = [h for h in tree.headers(run_id) if h.attrs.get("role") != "telemetry"]
    aborts = [m.attrs for m in tree.marks() if m.stage == "abort" and m.run_id == run_id]
    codes = [code for a in aborts if isinstance(code := a.get("exit_code"), int)]
    reasons = [str(reason) for a in aborts if (reason := a.get("reason"))]
    attrs = dict(told)
    for header in headers:
        attrs = {**header.attrs, **attrs}
    hosts = dict.fromkeys(str(h.attrs["host"]) for h in headers if h.attrs.get("host"))
    attrs.pop("host", None)
    attrs.pop("status", None)
    return Run(
        run_id=run_id,
        start_ns=span[0],
        stop_ns=span[1],
        hosts=tuple(hosts),
        n_senders=len(headers),
        failed=failed,
        exit_code=codes[-1] if codes else None,
        reason=reasons[-1] if reasons else "",
        attrs=attrs,
    )
