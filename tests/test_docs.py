"""What the documents say is so."""

import asyncio
import re
from dataclasses import fields
from pathlib import Path

import pytest

from monitor.analysis.stage_table import stage_table
from monitor.bench.lab import BenchSettings, Lab
from monitor.config import load
from monitor.recording.reader import Recording
from monitor.sources.clock import SystemClock
from monitor.sources.dialect import Dialect
from monitor.sources.dialects import DIALECTS
from monitor.sources.meters.make import make_meter

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def code(page: Path, language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL))


def test_the_settings_page_is_a_settings_file(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(code(ROOT / "docs/reference/settings.md", "toml"))
    settings = load(path)
    assert settings.instrument.inputs[1].ratio == 10.0
    assert all(make_meter(meter, SystemClock()) for meter in settings.meters)


def test_every_meter_of_its_page_can_be_made(tmp_path):
    page = (ROOT / "docs/how-to/use-a-power-meter.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "settings.toml"
    kinds = set()
    for block in blocks:
        path.write_text(block)
        for settings in load(path).meters:
            assert make_meter(settings, SystemClock())
            kinds.add(settings.kind)
    assert kinds == {"yokogawa-wt", "scpi", "plug", "elmorlabs-pmd"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_bench_page_names_the_instruments_as_they_name_themselves():
    page = (ROOT / "docs/how-to/use-the-bench.md").read_text()
    table = page.split("it answers `*IDN?` as |")[1].split("\n\n")[0]
    told = dict(re.findall(r"^\| `([a-z-]+)`.*? \| (.+) \|$", table, re.MULTILINE))
    assert "keysight" in told
    for dialect, identity in told.items():
        lab = Lab(BenchSettings(dialect=dialect))
        assert asyncio.run(lab.instrument.execute("*IDN?")) == [identity]


def test_the_sample_session_is_what_its_page_says():
    with Recording(ROOT / "recordings" / "sample.h5") as recording:
        assert recording.closed
        assert recording.info.sample_rate_hz == pytest.approx(10_000)
        table = stage_table(recording, "sample")
    leaves = sum(used.energy_j for used in table.stages if used.stage.leaf)
    assert leaves + table.unattributed.energy_j == pytest.approx(table.total.energy_j, rel=1e-9)
    assert "run/clip/denoise/denoise_step" in {used.stage.path for used in table.stages}


def test_the_page_about_dialects_shows_a_real_row_and_knows_every_field():
    page = (ROOT / "docs/how-to/add-a-dialect.md").read_text()
    row, test, bench = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert (ROOT / "monitor/sources/dialects/hameg.py").read_text().endswith(row)
    assert test in (ROOT / "tests/sources/test_hameg.py").read_text()
    assert bench in (ROOT / "monitor/bench/vendors/instruments.py").read_text()
    table = page.split("| fields | what they say |")[1].split("\n\n")[0]
    named = re.findall(r"`([a-z_]+)`", table)
    assert sorted(named) == sorted(field.name for field in fields(Dialect))


def test_the_page_about_instruments_knows_every_family():
    page = (ROOT / "docs/reference/instruments.md").read_text()
    models, reached, read_back = (
        dict(re.findall(r"^\| `(?!dialect)([a-z-]+)` \| (.+) \|$", table, re.MULTILINE))
        for table in re.findall(r"^\| `dialect`.*?\n\n", page, re.MULTILINE | re.DOTALL)
    )
    assert set(models) == set(reached) == set(read_back) == set(DIALECTS)
    kinds = {"HiSLIP": "hislip", "SOCKET": "socket", "VXI-11": "vxi11", "VICP": "vicp"}
    for name, row in DIALECTS.items():
        offered = reached[name].split(", ")
        assert tuple((kinds | {"USB": "usbtmc"})[word] for word in offered) == row.transports
        assert str(row.socket_port or "none") in models[name].split(" | ")[1]
