"""What the status line and the banner say of a session; pure, and without Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitor.model import RecordingState, Snapshot
from monitor.units import duration, si
from ui.presenter import age, is_old

_SHORT_S = 3600.0  # until the disk is full: that is soon
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the status line."""

    text: str
    level: str = ""
    """good, warn, bad, rec (it is being recorded), plain, or empty for muted."""
    tip: str = ""


def status(
    snapshot: Snapshot, frames_per_second: float, *, answers: bool = True
) -> tuple[Item, ...]:
    """Return the entries of the status line; ``answers``: whether the snapshot is still news."""
    old = is_old(snapshot)
    items = [_state(snapshot) if answers else Item("● no answer", "bad")]
    if (info := snapshot.info) is not None:
        identity = info.instrument.get("idn") or info.instrument.get("identity") or ""
        items.append(Item(_identity(identity) or "instrument", "plain", identity))
        rate = si(info.sample_rate_hz, "S/s")
        items.append(Item(f"{rate} × {len(info.channels)}", tip="Sample rate and channels"))
    if old:
        items.append(Item(f"nothing for {age(snapshot)}", "warn", "Age of the newest sample"))
    elif snapshot.replay_speed is None and snapshot.metrics is not None:
        late = snapshot.lag_s > 1
        items.append(
            Item(f"lag {duration(snapshot.lag_s)}", "warn" if late else "",
                 "Age of the newest sample when it was processed")
        )  # fmt: skip
    items.append(_recording(snapshot) if answers else _last_known(snapshot))
    markers = f"{snapshot.n_markers} marker{'s' if snapshot.n_markers != 1 else ''}"
    items.append(Item(markers, tip="Markers received"))
    if snapshot.n_malformed_markers:
        items.append(Item(f"{snapshot.n_malformed_markers} malformed", "warn"))
    items.append(Item(f"{frames_per_second:.0f} frames/s", tip="Drawn by this window"))
    return tuple(items)


def _state(snapshot: Snapshot) -> Item:
    level = {"running": "good", "reconnecting": "warn", "connecting": "warn"}
    state = snapshot.state
    if snapshot.replay_speed is not None:
        speed = f"{snapshot.replay_speed:g} ×"
        words = {"running": f"replaying {speed}", "paused": "replay held", "ended": "from a file"}
        return Item(f"● {words.get(state, state)}", "good" if state == "running" else "plain")
    return Item(f"● {state}", level.get(state, "plain"))


def _recording(snapshot: Snapshot) -> Item:
    recording = snapshot.recording
    if recording is None:
        return Item("" if snapshot.replay_speed is not None else "not recording")
    name = file_name(recording)
    if recording.error:
        return Item(f"{name}: {recording.error}", "bad", recording.path)
    late = f", {duration(recording.queued_s)} queued" if recording.queued_s > 1 else ""
    if recording.stalled_s:
        late += f", the disk has not answered for {duration(recording.stalled_s)}"
    left = f"disk full in {_left(recording.left_s)}"
    soon = recording.left_s < _DAY_S
    known = math.isfinite(recording.left_s)
    return Item(
        f"● {name}, {si(recording.n_bytes, 'B')}{late}{f', {left}' if soon else ''}",
        "warn" if late or recording.left_s < _SHORT_S else "rec",
        f"{recording.path}\n{left}" if known else recording.path,
    )


def _last_known(snapshot: Snapshot) -> Item:
    """Return what is known of a recording of which nothing is heard any more."""
    recording = snapshot.recording
    if recording is None:
        return Item("")
    size = si(recording.n_bytes, "B")
    return Item(f"{file_name(recording)}, last seen with {size}", "warn", recording.path)


def file_name(recording: RecordingState) -> str:
    """Return the name of a recording's file."""
    return recording.path.rpartition("/")[2]


def silence(why: str, snapshot: Snapshot | None) -> str:
    """Return what to say while an engine does not answer; nothing is known of what it does."""
    recording = snapshot.recording if snapshot is not None else None
    if recording is None:
        return why
    return (
        f"{why}; what it has recorded is in {file_name(recording)}, which `wattstage repair"
        f" {file_name(recording)} -o OUT` ends properly if its recorder could not"
    )


def _left(seconds: float) -> str:
    """Return for how long the disk will do: days, or hours, minutes and seconds."""
    days = math.floor(seconds / _DAY_S) if math.isfinite(seconds) else 0
    return f"{days} day{'s' if days > 1 else ''}" if days else duration(seconds)


def _identity(idn: str) -> str:
    """Return maker and model of an ``*IDN?`` reply."""
    parts = [part.strip() for part in idn.split(",")]
    return " ".join(parts[:2])
