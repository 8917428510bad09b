"""A session made of arithmetic: two clips of a video model on mains, for windows without an engine.

Run as a program it draws pictures of the window: ``python tests/fake_feed.py FOLDER``.
"""

from __future__ import annotations

import math
import threading

import msgspec
import numpy as np

from monitor.dsp.held import Held
from monitor.errors import EngineError
from monitor.model import (
    NS,
    Average,
    Channel,
    Edge,
    Frame,
    HeldEnergy,
    Marker,
    Metrics,
    Notebook,
    Quantity,
    Ramp,
    RecordingState,
    SignalNumbers,
    SlowChannel,
    SlowEnergy,
    SlowValue,
    Snapshot,
    SpanNumbers,
    Stage,
    StageEnergy,
    StageTable,
    StreamInfo,
    Supply,
    Timeline,
    Totals,
    Unattributed,
    View,
)

T0_NS = 1_772_366_400 * NS
WINDOWS_S = (0.02, 1.0, 10.0)
RAMPS_S = (0.1, 1.0, 10.0)
GRID_S = 0.005
GAP_S = (24.2, 25.1)

INFO = StreamInfo(
    channels=(
        Channel(name="mains", quantity=Quantity.VOLTAGE),
        Channel(name="clamp", quantity=Quantity.CURRENT),
    ),
    sample_rate_hz=100_000.0,
    t0_ns=T0_NS,
    t0_uncertainty_ns=1_000_000,
    dtype="uint16",
    continuous=False,
    supply=Supply.MAINS,
    instrument={"idn": "KEYSIGHT TECHNOLOGIES,MSOX3054T,MY00000001,07.50"},
)


WALL = SlowChannel(
    name="wall power", source="Yokogawa WT310", unit="W", interval_s=1.0, window_s=1.0
)
GPU = SlowChannel(name="GPU 0 power", source="NVIDIA RTX 4090", unit="W", interval_s=0.1,
                  note="mean of 1 s, by the driver")  # fmt: skip
HEAT = SlowChannel(name="GPU 0 core", source="NVIDIA RTX 4090", unit="°C", interval_s=1.0)
METERS_GONE_S = (30.0, 36.0)


def stage(name, start_s, stop_s, *, parent=None, index=0, leaf=True, **more) -> Stage:
    path = f"{parent.path}/{name}" if parent else name
    return Stage(
        name=name,
        path=path,
        span_id=f"{path}-{start_s}",
        run_id="run",
        parent_id=parent.span_id if parent else "",
        depth=parent.depth + 1 if parent else 0,
        index=index,
        start_ns=T0_NS + round(start_s * NS),
        stop_ns=None if stop_s is None else T0_NS + round(stop_s * NS),
        leaf=leaf,
        **more,
    )


def note(time_s, text, kind="note") -> Marker:
    return Marker(
        time_ns=T0_NS + round(time_s * NS), stage=kind, edge=Edge.INSTANT, attrs={"text": text}
    )


def workload() -> tuple[list[Stage], list[tuple[float, float, float]]]:
    """Return the stages of two clips, and (start, stop, watts) of what the computer draws."""
    run = stage("run", 2.0, None, leaf=False)
    stages, load = [run], [(0.0, 2.0, 118.0)]
    stages.append(stage("model_load", 2.0, 8.5, parent=run))
    load.append((2.0, 8.5, 176.0))
    at = 8.5
    for clip_index in range(2):
        clip = stage("clip", at, at + 27.6, parent=run, index=clip_index, leaf=False)
        stages += [clip, stage("text_encode", at, at + 1.2, parent=clip)]
        load.append((at, at + 1.2, 352.0))
        begin = at + 1.2
        denoise = stage("denoise", begin, begin + 20, parent=clip, leaf=False)
        stages.append(denoise)
        for step in range(25):
            start = begin + 0.8 * step
            stages.append(
                stage("denoise_step", start, start + 0.8, parent=denoise, index=step,
                      total=25)
            )  # fmt: skip
            load += [(start, start + 0.06, 441.0), (start + 0.06, start + 0.8, 612.0)]
        begin += 20
        decode = stage("vae_decode", begin, begin + 4.8, parent=clip, leaf=False)
        stages.append(decode)
        for tile in range(6):
            start = begin + 0.8 * tile
            stages.append(stage("vae_tile", start, start + 0.8, parent=decode, index=tile))
            load += [(start, start + 0.1, 312.0), (start + 0.1, start + 0.8, 530.0)]
        stages.append(
            stage("save", begin + 4.8, begin + 6.4, parent=clip, truncated=clip_index == 0)
        )
        load.append((begin + 4.8, begin + 6.4, 164.0))
        at += 27.6
    load.append((at, 1e9, 120.0))
    return sorted(stages, key=lambda s: (s.start_ns, s.depth)), load


class FakeFeed:
    """Implements ``ui.feed.Feed``; time passes only when a test says so."""

    def __init__(self, seconds: float = 52.0, *, live: bool = True, meters: bool = False) -> None:
        self.name = "fake"
        self.progress = 1.0
        self.stop = round(seconds * INFO.sample_rate_hz)
        self.live = live
        self.calls: list[tuple] = []
        self.closed = False
        self.error: str | None = None
        self.hand = Notebook()
        self.step_samples = 0
        self.stages, load = workload()
        self.marks = [note(6.1, "door opened"), note(24.2, "instrument lost", "event"),
                      note(41.0, "fan at 60 %")]  # fmt: skip
        grid = np.arange(0, 400.0, GRID_S)
        edges = np.array([start for start, _, _ in load])
        watts = np.array([power for _, _, power in load])
        ideal = watts[np.searchsorted(edges, grid, side="right") - 1]
        rng = np.random.default_rng(2)
        self._power = ideal * (1 + 0.012 * rng.standard_normal(len(grid)))
        self._sum = np.concatenate([[0.0], np.cumsum(self._power)]) * GRID_S
        self.slow = self._slow() if meters else {}
        self._lock = threading.Lock()
        self._recording: RecordingState | None = None
        self.speed = 1.0
        self.playing = False
        self.playhead = self.stop

    def _slow(self) -> dict[SlowChannel, Held]:
        """Return what meters say of the same computer; one of them is away for a while."""
        whole = np.arange(1.0, 400.0)
        tenths = np.arange(2.0, 400.0, 0.1)
        there = (whole < METERS_GONE_S[0]) | (whole > METERS_GONE_S[1])
        said = {
            WALL: (whole[there], (42 + 1.08 * self.mean(whole, 1.0))[there]),
            GPU: (tenths, 0.78 * self.mean(tenths, 1.0) - 60),
            HEAT: (whole, 41 + 0.03 * self.mean(whole, 30.0)),
        }
        held = {channel: Held(channel) for channel in said}
        for channel, (at_s, values) in said.items():
            held[channel].extend(T0_NS + np.round(at_s * NS).astype(np.int64), values)
        return held

    def slow_values(self, now_ns) -> tuple[SlowValue, ...]:
        found = {channel: held.at(now_ns) for channel, held in self.slow.items()}
        return tuple(
            SlowValue(channel=channel, value=at[1] if at else math.nan,
                      age_s=(now_ns - at[0]) / NS if at else math.nan)
            for channel, at in found.items()
        )  # fmt: skip

    def _held_energy(self, held, start_ns, stop_ns) -> HeldEnergy:
        sums, seconds = held.cumulative([start_ns, stop_ns])
        return HeldEnergy(
            energy_j=float(np.diff(sums)[0]),
            coverage=float(np.diff(seconds)[0]) / max((stop_ns - start_ns) / NS, 1e-9),
        )

    def power(self, at_s):
        where = np.clip((np.asarray(at_s) / GRID_S).astype(int), 0, len(self._power) - 1)
        return self._power[where]

    def energy(self, at_s):
        return np.interp(at_s, np.arange(len(self._sum)) * GRID_S, self._sum)

    def mean(self, at_s, window_s):
        start = np.maximum(np.asarray(at_s, float) - window_s, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.energy(at_s) - self.energy(start)) / (at_s - start)

    def ramp(self, at_s, window_s):
        at_s = np.asarray(at_s, float)
        value = (self.mean(at_s, window_s) - self.mean(at_s - window_s, window_s)) / window_s
        return np.where(at_s >= 2 * window_s, value, np.nan)

    def frame(self, request) -> Frame:
        with self._lock:
            if self.error is not None:
                raise EngineError(self.error)
            if self.live:
                self.stop += self.step_samples
            start, stop = request.start, request.stop
            if start is None:
                start, stop = self.stop - request.span, self.stop
            view = self.view(start, stop, request.n_columns)
            begin_ns, end_ns = INFO.time_ns(start), INFO.time_ns(stop)
            newest_ns = INFO.time_ns(self.stop)
            stages = tuple(
                s for s in map(self._as_of(newest_ns), self.stages)
                if s.start_ns < min(end_ns, newest_ns) and (s.stop_ns or 1 << 62) > begin_ns
            )  # fmt: skip
            marks = tuple(m for m in self.marks if begin_ns <= m.time_ns < end_ns)
            slow = tuple(
                held.view(begin_ns, min(end_ns, newest_ns), request.n_columns)
                for held in self.slow.values()
            )
            return Frame(self.snapshot(), view, Timeline(stages=stages, marks=marks), slow)

    def _as_of(self, now_ns):
        def cut(s):
            late = s.stop_ns is not None and s.stop_ns > now_ns
            return msgspec.structs.replace(s, stop_ns=None) if late else s

        return cut

    def view(self, start, stop, n_columns) -> View:
        n = max(min(n_columns, stop - start), 1)
        edges = np.linspace(start, stop, n + 1).round().astype(np.int64)
        at_s = edges / INFO.sample_rate_hz
        left, right = at_s[:-1], at_s[1:]
        watts = self.power(left)
        if (stop - start) / n > 40:
            amps = watts / 230 * math.sqrt(2)
            noise = 1 + 0.02 * np.sin(37 * left)
            low = np.stack([-325 * noise, -amps * noise, -6 - 0.02 * watts])
            high = np.stack([325 * noise, amps * noise, 2.04 * watts * noise])
            if (right[0] - left[0]) < 0.01:
                low, high = self._waves(left, right)
        else:
            low, high = self._waves(left, right)
        outside = (left < 0) | (edges[:-1] >= self.stop)
        gap = (left < GAP_S[1]) & (right > GAP_S[0])
        low[:, outside | gap] = high[:, outside | gap] = np.nan
        averages = np.stack([self.mean(right, w) for w in WINDOWS_S])
        ramps = np.stack([self.ramp(right, w) for w in RAMPS_S])
        averages[:, outside] = ramps[:, outside] = np.nan
        averages[0, gap] = np.nan
        ramps[0, gap] = np.nan
        kind = np.float32
        return View(
            edges, low.astype(kind), high.astype(kind), averages.astype(kind), ramps.astype(kind)
        )

    def _waves(self, left, right):
        parts = np.linspace(0, 1, 12)
        t = left[:, None] + (right - left)[:, None] * parts[None, :-1]
        v = 325 * np.sin(2 * np.pi * 50 * t)
        amps = (self.power(left) / 230 * math.sqrt(2))[:, None]
        i = amps * (np.sin(2 * np.pi * 50 * t) + 0.12 * np.sin(2 * np.pi * 150 * t))
        both = np.stack([v, i, v * i])
        return both.min(axis=2), both.max(axis=2)

    def snapshot(self) -> Snapshot:
        at = self.stop if self.live else self.playhead
        now_s = at / INFO.sample_rate_hz
        running = [
            s for s in self.stages
            if s.start_ns <= INFO.time_ns(at) < (s.stop_ns or 1 << 62)
        ]  # fmt: skip
        averages = tuple(
            Average(window_s=w, mean_w=float(self.mean(now_s, w)), coverage=0.972 if w > 5 else 1.0)
            for w in WINDOWS_S
        )
        ramps = tuple(
            Ramp(window_s=w, now_w_per_s=float(self.ramp(now_s, w)),
                 max_up_w_per_s=2610.0 / w * 0.1, max_down_w_per_s=-2060.0 / w * 0.1)
            for w in RAMPS_S
        )  # fmt: skip
        metrics = Metrics(
            at=at,
            power_w=float(self.power(now_s)),
            averages=averages,
            ramps=ramps,
            vrms_v=229.8,
            irms_a=float(self.power(now_s)) / 229.8 / 0.98,
            line_hz=50.02,
            energy_j=float(self.energy(now_s)),
            captured_j=float(self.energy(now_s)) * 0.983,
            duration_s=now_s,
            coverage=0.9827,
            n_clipped=0,
            n_gaps=1,
        )
        ended = "ended" if not self.playing else "running"
        return Snapshot(
            version=self.stop,
            state="running" if self.live else ended,
            now_ns=INFO.time_ns(at),
            info=INFO,
            supply=Supply.MAINS,
            start=0,
            stop=self.stop,
            average_windows_s=WINDOWS_S,
            ramp_windows_s=RAMPS_S,
            metrics=metrics,
            stages=tuple(self._used(s, now_s) for s in running),
            n_markers=214,
            n_malformed_markers=0,
            lag_s=0.038,
            recording=self._recording,
            warnings=(),
            replay_speed=None if self.live else self.speed,
            slow=self.slow_values(INFO.time_ns(at)),
        )

    def _used(self, s, now_s) -> StageEnergy:
        start_s = (s.start_ns - T0_NS) / NS
        stop_s = now_s if s.stop_ns is None else min((s.stop_ns - T0_NS) / NS, now_s)
        energy = float(self.energy(stop_s) - self.energy(start_s))
        length = max(stop_s - start_s, 0.0)
        return StageEnergy(
            stage=s, duration_s=length, energy_j=energy, mean_w=energy / length if length else 0.0,
            peak_w=float(self.power(np.linspace(start_s, stop_s, 50)).max()),
            coverage=0.9 if start_s < GAP_S[0] < stop_s else 1.0,
        )  # fmt: skip

    def table(self) -> StageTable:
        now_s = self.stop / INFO.sample_rate_hz
        stages = tuple(
            self._used(s, now_s) for s in self.stages if s.start_ns < INFO.time_ns(self.stop)
        )
        total = float(self.energy(now_s))
        leaves = sum(used.energy_j for used in stages if used.stage.leaf)
        return StageTable(
            session="live",
            total=Totals(energy_j=total, duration_s=now_s, mean_w=total / now_s, peak_w=641.0,
                         coverage=0.9827),
            unattributed=Unattributed(energy_j=total - leaves, duration_s=2.0),
            peak_window_s=0.02,
            stages=stages,
            slow=tuple(
                SlowEnergy(
                    channel=channel,
                    total=self._held_energy(held, T0_NS, INFO.time_ns(self.stop)),
                    unattributed=HeldEnergy(energy_j=240.0, coverage=1.0),
                    stages=tuple(
                        self._held_energy(held, s.stage.start_ns,
                                          s.stage.stop_ns or INFO.time_ns(self.stop))
                        for s in stages
                    ),
                )
                for channel, held in self.slow.items() if channel.unit == "W"
            ),
        )  # fmt: skip

    def measured(self, start, stop) -> SpanNumbers:
        length_s = (stop - start) / INFO.sample_rate_hz
        a, b = start / INFO.sample_rate_hz, stop / INFO.sample_rate_hz
        energy = float(self.energy(b) - self.energy(a))
        power = self.power(np.linspace(a, b, 1000))
        mains = SignalNumbers(name="mains", unit="V", mean=0.1, rms=229.8, low=-325.0, high=325.0)
        total = SignalNumbers(
            name="p(t)", unit="W", mean=energy / length_s, rms=energy / length_s,
            low=-6.0, high=2.04 * float(power.max()),
        )  # fmt: skip
        return SpanNumbers(
            start=start, stop=stop, signals=(mains, total),
            total=Totals(energy_j=energy, duration_s=length_s, mean_w=energy / length_s,
                         peak_w=float(power.max()), coverage=1.0),
        )  # fmt: skip

    def mark(self, text, time_ns) -> None:
        self.calls.append(("mark", text, time_ns))

    def edit(self, edit) -> None:
        self.calls.append(("edit", edit))

    def undo(self) -> str:
        self.calls.append(("undo",))
        return "mark"

    def redo(self) -> str:
        self.calls.append(("redo",))
        return "mark"

    def notebook(self) -> Notebook:
        return self.hand

    def start_recording(self, path) -> str:
        self.calls.append(("start_recording", path))
        self._recording = RecordingState(
            path="recordings/2026-03-01T12-00-00.h5", n_samples=5_200_000, n_bytes=21_400_000,
            queued_s=0.0,
        )  # fmt: skip
        return self._recording.path

    def stop_recording(self) -> str:
        self.calls.append(("stop_recording",))
        path = self._recording.path if self._recording else ""
        self._recording = None
        return path

    def set_speed(self, speed) -> None:
        self.calls.append(("set_speed", speed))
        self.speed = speed

    def pause(self) -> None:
        self.calls.append(("pause",))
        self.playing = False

    def resume(self) -> None:
        self.calls.append(("resume",))
        self.playing = True

    def seek(self, index) -> None:
        self.calls.append(("seek", index))
        self.playhead = index

    def abandon(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
