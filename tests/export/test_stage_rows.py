"""The stage table as a file: what people put into papers."""

import csv
import json

import pyarrow.parquet as pq
import pytest
from export.exports import recorded
from recording.sessions import info, ramp, reading

from monitor.analysis.stage_table import stage_table
from monitor.errors import ConfigError
from monitor.export.rows_file import write_rows
from monitor.export.stage_rows import clip_rows, stage_rows
from monitor.model import NS, Edge, Marker
from monitor.recording.reader import Recording

T0 = info().t0_ns


def edge(stage, kind, at_s, span, parent="", seq=0, **attrs):
    return Marker(
        time_ns=T0 + round(at_s * NS), stage=stage, edge=kind, run_id="r", span_id=span,
        parent_id=parent, seq=seq, attrs=attrs,
    )  # fmt: skip


ITEMS = [
    ramp(0, 4000), ramp(5000, 10_000),
    edge("run", Edge.BEGIN, 0.0, "r", seq=1, fps=24, gpu="H100"),
    edge("clip", Edge.BEGIN, 0.1, "a", "r", 2, frames=48, prompt="a cat, running"),
    edge("denoise", Edge.BEGIN, 0.1, "d", "a", 3), edge("denoise", Edge.END, 0.3, "d", "a", 4),
    edge("clip", Edge.END, 0.6, "a", "r", 5),
    edge("clip", Edge.BEGIN, 0.7, "b", "r", 6, frames=24),
    reading(40.0, T0 + NS // 2), reading(50.0, T0 + NS // 2 + NS // 10),
]  # fmt: skip


@pytest.fixture
def recording(tmp_path):
    with Recording(recorded(tmp_path, info(), ITEMS)) as opened:
        yield opened


def read_csv(path):
    lines = path.read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return [line for line in lines if line.startswith("#")], rows


def test_each_stage_is_a_row_and_leaves_and_the_rest_make_the_total(recording, tmp_path):
    table = stage_table(recording, "made.h5")
    write_rows(stage_rows(recording, table), tmp_path / "x.csv")
    about, rows = read_csv(tmp_path / "x.csv")
    said = "\n".join(about)
    for words in ("coverage 90.0 % in 1 gaps", "highest mean over", "standard uncertainty (k = 1)"):
        assert words in said
    *stages, rest, total = rows
    assert [row["path"] for row in stages] == ["run", "run/clip", "run/clip/denoise", "run/clip"]
    assert float(stages[1]["coverage [1]"]) == pytest.approx(0.8)
    assert stages[3]["stop"] == ""
    leaves = sum(float(row["energy [J]"]) for row in stages if row["leaf"] == "True")
    assert leaves + float(rest["energy [J]"]) == pytest.approx(float(total["energy [J]"]))
    assert (rest["kind"], total["kind"]) == ("unattributed", "total")
    assert float(total["plug, test, µ: coverage [1]"]) > 0


def test_the_same_table_is_json_and_parquet(recording, tmp_path):
    rows = stage_rows(recording, stage_table(recording, "made.h5"))
    write_rows(rows, tmp_path / "x.json")
    write_rows(rows, tmp_path / "x.out", "parquet")
    told = json.loads((tmp_path / "x.json").read_bytes())
    made = pq.read_table(tmp_path / "x.out")
    assert [row["energy"] for row in told["rows"]] == made["energy [J]"].to_pylist()
    assert told["about"] == list(rows.about)
    assert made.schema.metadata[b"about"].decode().splitlines() == list(rows.about)
    assert made.schema.field("energy [J]").metadata[b"unit"] == b"J"


def test_a_clip_is_a_row_with_its_video_and_its_attributes(recording, tmp_path):
    table = stage_table(recording, "made.h5")
    write_rows(clip_rows(recording, table), tmp_path / "x.csv")
    whole, cut = read_csv(tmp_path / "x.csv")[1]
    assert (whole["attr prompt"], whole["attr gpu"]) == ("a cat, running", "H100")
    assert float(whole["video [s]"]) == 2.0
    energy_j = float(whole["energy [J]"])
    assert float(whole["energy_per_video [J/s]"]) == pytest.approx(energy_j / 2)
    (denoise,) = (used for used in table.stages if used.stage.name == "denoise")
    assert float(whole["energy denoise [J]"]) == denoise.energy_j
    assert (cut["energy_per_video [J/s]"], cut["video [s]"]) == ("", "1.0")


def test_of_a_clip_that_began_before_the_recording_nothing_is_made_per_second(tmp_path):
    clip = [
        edge("clip", Edge.BEGIN, -0.25, "a", seq=1, frames=48, fps=24),
        edge("clip", Edge.END, 0.6, "a", seq=2),
    ]
    with Recording(recorded(tmp_path, info(), [ramp(0, 10_000), *clip])) as opened:
        write_rows(clip_rows(opened, stage_table(opened, "made.h5")), tmp_path / "x.csv")
    (row,) = read_csv(tmp_path / "x.csv")[1]
    assert float(row["outside [s]"]) == pytest.approx(0.25)
    assert (row["video [s]"], row["energy_per_video [J/s]"]) == ("2.0", "")


def test_a_table_overwrites_nothing_and_knows_its_formats(recording, tmp_path):
    rows = stage_rows(recording, stage_table(recording, "made.h5"))
    (tmp_path / "x.csv").write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        write_rows(rows, tmp_path / "x.csv")
    with pytest.raises(ConfigError, match="csv, json or parquet"):
        write_rows(rows, tmp_path / "x.wav")
    assert (tmp_path / "x.csv").read_text() == "precious"
