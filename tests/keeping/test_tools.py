"""Verify, repair, cut and merge."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from recording.sessions import PLUG, info, note, ramp, reading, same

from monitor.analysis.stage_table import stage_table
from monitor.config import RecordingSettings
from monitor.errors import ConfigError, RecordingError
from monitor.export.selection import select
from monitor.keeping.cut import cut
from monitor.keeping.merge import merge
from monitor.keeping.repair import repair
from monitor.keeping.verify import verify
from monitor.model import NS, Block, Edge, Marker, Reading
from monitor.recording.checksums import CHECKSUMS, TABLES
from monitor.recording.reader import Recording
from monitor.recording.recorder import Recorder

SAMPLE = Path(__file__).parents[2] / "recordings" / "sample.h5"
RATE = 10_000
T0 = info().t0_ns
N = 5000
N_BLOCKS = 40


def at(index):
    return T0 + round(index * NS / RATE)


def edge(side, name, span, index):
    return Marker(time_ns=at(index), stage=name, edge=side, run_id="r", span_id=span)


def record(path, stream=None, first=0, n_blocks=N_BLOCKS, **how):
    with Recorder(path, stream or info(), how=RecordingSettings(**how)) as recorder:
        for k in range(n_blocks):
            recorder.add(reading(float(k), at(first + k * N)))
            if k % 10 == 2:
                recorder.mark(edge(Edge.BEGIN, "clip", f"s{k}", first + k * N))
            if k % 10 == 8:
                recorder.mark(edge(Edge.END, "clip", f"s{k - 6}", first + k * N))
            recorder.mark(note(f"n{k}", at(first + k * N), seq=k + 1, timing="hand"))
            block = ramp(first + k * N, first + (k + 1) * N)
            recorder.write(replace(block, host_ns=at(block.start)))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return record(tmp_path_factory.mktemp("made") / "r.h5")


def states(path):
    return {finding.name: finding.state for finding in verify(path)}


def blocks(recording):
    return [item for item in recording.items() if isinstance(item, Block)]


def test_a_good_recording_has_nothing_wrong(made):
    assert set(states(made).values()) == {"ok"}


def test_a_repaired_recording_is_item_by_item_the_same(made, tmp_path):
    out = tmp_path / "o.h5"
    assert repair(made, out) == ()
    with Recording(made) as a, Recording(out) as b:
        assert all(same(x, y) for x, y in zip(a.items(), b.items(), strict=True))
        assert a.info == b.info
    assert set(states(out).values()) == {"ok"}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_what_is_cut_short_is_repaired_into_what_passes(made, tmp_path, share):
    short = tmp_path / "short.h5"
    data = made.read_bytes()
    short.write_bytes(data[: int(len(data) * share)])
    assert states(short)["end" if "end" in states(short) else "structure"] == "fail"
    try:
        lost = repair(short, tmp_path / "o.h5")
    except RecordingError:
        assert not (tmp_path / "o.h5").exists()
        return
    assert any("cut short" in text for text in lost)
    assert set(states(tmp_path / "o.h5").values()) == {"ok"}


def test_a_code_that_was_changed_is_found_by_the_digest_and_by_the_summaries(made, tmp_path):
    out = tmp_path / "o.h5"
    repair(made, out)
    with h5py.File(out, "r+") as file:
        file["codes"][0, 1234] += 9999
    assert states(out)["checksum"] == states(out)["summaries"] == "fail"


def test_a_changed_code_is_found_though_there_is_no_digest(made, tmp_path):
    copy = shutil.copy(made, tmp_path / "c.h5")
    with h5py.File(copy, "r+") as file:
        del file["checksums"]
        file["codes"][1, 100_000] += 20_000
    found = states(copy)
    assert (found["summaries"], found["checksum"]) == ("fail", "ok")
    assert "it has no checksums" in {each.name: each.text for each in verify(copy)}["checksum"]


def test_summaries_with_other_levels_are_compared_too(tmp_path):
    copy = shutil.copy(SAMPLE, tmp_path / "c.h5")
    with Recording(copy) as recording:
        assert [level.hop for level in recording.levels.extremes] == [256 * 16**k for k in range(4)]
    assert states(copy)["summaries"] == "ok"
    with h5py.File(copy, "r+") as file:
        del file["checksums"]
        file["codes"][1, 100_000] += 20_000
    assert states(copy)["summaries"] == "fail"


@pytest.mark.parametrize("name", [*TABLES, CHECKSUMS])
def test_a_bit_that_flips_in_a_recording_as_recorded_is_found(made, tmp_path, name):
    rng = random.Random(name)
    for trial in range(6):
        copy = shutil.copy(made, tmp_path / f"{trial}.h5")
        with h5py.File(copy, "r+") as file:
            table = file[name]
            assert table.size, "there is something to change"
            at = (
                (0, rng.randrange(table.shape[1])) if name == "codes" else rng.randrange(len(table))
            )
            cell = np.array(table[at])
            raw = bytearray(cell.tobytes())
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            table[at] = np.frombuffer(bytes(raw), cell.dtype).reshape(cell.shape)
        found = {each.name: each for each in verify(copy)}
        assert "fail" in {each.state for each in found.values()}, (name, at)


def test_where_it_changed_is_told(made, tmp_path):
    copy = shutil.copy(made, tmp_path / "c.h5")
    with h5py.File(copy, "r+") as file:
        file["codes"][1, 5] ^= 1
    text = {each.name: each.text for each in verify(copy)}["checksum"]
    assert text.startswith("samples 0 to ")
    assert text.endswith("of channel 1 of c.h5 changed since")


def test_a_summary_that_was_changed_is_found(made, tmp_path):
    copy = shutil.copy(made, tmp_path / "c.h5")
    with h5py.File(copy, "r+") as file:
        file["summaries/totals_0"][2, 3] *= 1.001
    assert states(copy)["summaries"] == "fail"


def test_a_file_that_is_none_is_one_finding(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"hello")
    assert states(tmp_path / "x.h5") == {"structure": "fail"}


@pytest.mark.parametrize(("start", "stop"), [(0, 200_000), (12_345, 67_890), (15_000, 15_001)])
def test_a_cut_has_the_samples_at_their_places(made, tmp_path, start, stop):
    out = tmp_path / "o.h5"
    with Recording(made) as whole:
        cut(whole, start, stop, out)
        with Recording(out) as part:
            assert part.bounds == (start, stop)
            assert part.host_times_ns[0] == at(start)
            assert np.array_equal(part.read(start, stop), whole.read(start, stop))
            texts = [m.attrs["text"] for m in part.markers if m.stage == "note"]
            assert texts == [f"n{k}" for k in range(N_BLOCKS) if start <= k * N < stop]
            expected = [
                float(k) for k in range(N_BLOCKS)
                if k == start // N or start <= k * N < stop
            ]  # fmt: skip
            got = [item.value for item in part.items() if isinstance(item, Reading)]
            assert got == expected
            assert part.slow.channels == (PLUG,)
    assert set(states(out).values()) == {"ok"}


def test_a_stage_that_reaches_into_a_cut_keeps_both_its_edges(made, tmp_path):
    with Recording(made) as whole:
        cut(whole, 25_000, 30_000, tmp_path / "o.h5")
    with Recording(tmp_path / "o.h5") as part:
        (stage,) = part.stage_tree.stages(at(10**6))
        assert (stage.start_ns, stage.stop_ns) == (at(2 * N), at(8 * N))


@pytest.mark.parametrize("begin", [1000.25, 999.75, 1000.0, 1350.5, 1800.5])
@pytest.mark.parametrize("end", [2500.25, 2999.9, 2000.0, 2350.5, 4000.0])
def test_a_stage_that_is_cut_out_is_whole(tmp_path, begin, end):
    """Wherever its edges lie: on a sample, between two, or in dead time."""
    with Recorder(tmp_path / "r.h5", info(continuous=False)) as recorder:
        recorder.mark(edge(Edge.BEGIN, "vae_decode", "s", begin))
        for k in range(4):  # 700 samples of 1000 are captured
            recorder.write(ramp(k * 1000, k * 1000 + 700))
        recorder.write(ramp(4000, 4001))
        recorder.mark(edge(Edge.END, "vae_decode", "s", end))
    with Recording(tmp_path / "r.h5") as recording:
        if (begin, end) == (1800.5, 2000.0):
            with pytest.raises(ConfigError, match="no sample was captured there"):
                select(recording, stage="vae_decode", whole=True)
            return
        chosen = select(recording, stage="vae_decode", whole=True)
        cut(recording, chosen.start, chosen.stop, tmp_path / "o.h5")
        before = stage_table(recording, "x").stages[0]
    with Recording(tmp_path / "o.h5") as part:
        (after,) = stage_table(part, "x").stages
        assert part.bounds == (chosen.start, chosen.stop)
    assert after.outside_s == 0
    assert not after.stage.truncated
    assert after.energy_j == pytest.approx(before.energy_j)
    assert after.coverage == pytest.approx(before.coverage)


def test_what_interrupted_a_meter_before_a_cut_is_kept(tmp_path):
    wrong = Marker(
        time_ns=at(6000), stage="event", edge=Edge.INSTANT, run_id="events",
        attrs={"kind": "invalid", "channels": PLUG.name},
    )  # fmt: skip
    with Recorder(tmp_path / "r.h5", info()) as recorder:
        recorder.add(reading(100.0, at(5000)))
        recorder.mark(wrong)
        recorder.add(reading(100.0, at(12_000)))
        recorder.write(replace(ramp(0, 20_000), host_ns=T0))
    with Recording(tmp_path / "r.h5") as whole:
        cut(whole, 6500, 20_000, tmp_path / "o.h5")
        with Recording(tmp_path / "o.h5") as part:
            times = [at(6500), at(12_000)]
            ours = part.slow.held[PLUG].cumulative(times)
            np.testing.assert_allclose(ours[1] - ours[1][0], [0.0, 0.5])
            theirs = whole.slow.held[PLUG].cumulative(times)
            np.testing.assert_allclose(np.diff(ours[1]), np.diff(theirs[1]))


def test_two_recordings_become_one_with_a_gap(made, tmp_path):
    later = record(tmp_path / "later.h5", info(t0_ns=T0 + 60 * NS), first=100, n_blocks=3)
    with Recording(made) as a, Recording(later) as b:
        gap_s, other_ways = merge(b, a, tmp_path / "o.h5")
        assert other_ways == ()
        with Recording(tmp_path / "o.h5") as both:
            assert gap_s == pytest.approx(60.01 - 20.0)
            assert both.n_samples == a.n_samples + b.n_samples
            assert both.n_gaps == 1
            assert [b.start for b in blocks(both)][-3:] == [600_100, 605_100, 610_100]
            assert np.array_equal(both.read(600_100, 615_100), b.read(100, 15_100))
            assert len(both.markers) == len(a.markers) + len(b.markers)
    found = states(tmp_path / "o.h5")
    assert found["summaries"] == "ok"
    assert found["continuity"] == "ok", "no instrument made that gap"


def test_what_a_merged_recording_had_of_its_own_is_kept_and_told(made, tmp_path):
    later = []
    for k, how in enumerate(({"record": "1 s", "range": "5"}, {"record": "2 s"}), 1):
        stream = info(t0_ns=T0 + 60 * k * NS, instrument=info().instrument | how)
        later.append(tmp_path / f"later{k}.h5")
        with Recorder(later[-1], stream, settings={"profile": str(k)}) as recorder:
            recorder.write(ramp(0, 100))
    with Recording(made) as a, Recording(later[0]) as b:
        told = merge(a, b, tmp_path / "ab.h5").other_ways
        assert told == ("instrument range", "instrument record", "setting profile")
    with Recording(tmp_path / "ab.h5") as ab, Recording(later[1]) as c:
        told = merge(c, ab, tmp_path / "abc.h5").other_ways
        assert told == ("instrument record", "setting made_by", "setting profile")
    with Recording(tmp_path / "abc.h5") as abc:
        assert abc.info.instrument == info().instrument
        assert "profile" not in abc.settings
        first, second = json.loads(abc.settings["merged"])
    assert (first["file"], second["file"]) == ("later1.h5", "later2.h5")
    assert first["settings"] == {"profile": "1"}
    assert first["instrument"] == info().instrument | {"record": "1 s", "range": "5"}
    assert second["instrument"]["record"] == "2 s"


@pytest.mark.parametrize(
    ("change", "why"),
    [({"sample_rate_hz": 20_000.0}, "sample_rate_hz"), ({"t0_ns": T0 + NS}, "overlap by 19")],
)
def test_what_does_not_fit_is_refused_with_the_reason(made, tmp_path, change, why):
    other = record(tmp_path / "other.h5", info(**change), n_blocks=2)
    with Recording(made) as a, Recording(other) as b, pytest.raises(RecordingError, match=why):
        merge(a, b, tmp_path / "o.h5")
    assert not (tmp_path / "o.h5").exists()


@pytest.mark.parametrize("name", ["none", "gzip", "lzf", "bitshuffle-lz4"])
def test_what_is_made_is_compressed_as_what_it_is_made_of(tmp_path, name):
    if name == "bitshuffle-lz4":
        pytest.importorskip("hdf5plugin")
    source = record(tmp_path / "r.h5", compression=name)
    later = record(tmp_path / "later.h5", info(t0_ns=T0 + 60 * NS), n_blocks=3)
    sizes = []
    repair(source, tmp_path / "o.h5", tell=sizes.append)
    with Recording(source) as one, Recording(later) as other:
        cut(one, 0, 100_000, tmp_path / "c.h5", tell=sizes.append)
        merge(one, other, tmp_path / "m.h5", tell=sizes.append)
    for made, size in zip(("o", "c", "m"), sizes, strict=True):
        path = tmp_path / f"{made}.h5"
        with Recording(path) as recording:
            assert recording.compression == size.compression == name
        assert size.n_bytes == pytest.approx(path.stat().st_size, rel=0.5)
    assert set(states(tmp_path / "o.h5").values()) == {"ok"}


def test_the_size_that_is_told_is_that_of_a_long_recording(tmp_path):
    for name in ("none", "gzip"):
        source, sizes = tmp_path / f"{name}.h5", []
        with Recorder(source, info(), how=RecordingSettings(compression=name)) as recorder:
            for k in range(20):
                recorder.write(ramp(200_000 * k, 200_000 * (k + 1)))
        repair(source, tmp_path / f"{name}-o.h5", tell=sizes.append)
        made = (tmp_path / f"{name}-o.h5").stat().st_size
        assert sizes[0].n_bytes == pytest.approx(made, rel=0.15)


def test_what_has_no_room_is_refused_before_anything_is_written(made, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1 << 20))
    with pytest.raises(RecordingError, match=r"needs about .* MiB, but only 1.0 MiB are free"):
        repair(made, tmp_path / "o.h5")
    with Recording(made) as recording, pytest.raises(RecordingError, match="free some space"):
        cut(recording, 0, 100, tmp_path / "o.h5")
    assert list(tmp_path.iterdir()) == []


def test_who_gives_up_leaves_nothing(made, tmp_path):
    def give_up(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repair(made, tmp_path / "o.h5", give_up)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_not_overwritten(made, tmp_path):
    out = tmp_path / "o.h5"
    out.write_bytes(b"dear")
    with pytest.raises(ConfigError, match="exists"):
        repair(made, out)
    assert out.read_bytes() == b"dear"
