"""What the page about marking a workload says is so."""

import re
import shutil
import sys

from opensora_runs import ROOT, run

from monitor.run.chosen_stages import chosen_stages
from monitor.run.log_stages import UNCERTAINTY_S
from monitor.run.patterns import PatternSettings, load

PAGE = (ROOT / "docs/how-to/mark-a-workload.md").read_text()


def test_the_files_of_the_page_are_understood(tmp_path):
    chosen, patterns = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "stages.toml").write_text(chosen)
    (tmp_path / "ffmpeg.toml").write_text(patterns)
    assert [one.stage for one in chosen_stages(tmp_path / "stages.toml")] == [
        "text_encode.clip", "vae_tile", "save.open"
    ]  # fmt: skip
    begin, progress, end = load(str(tmp_path / "ffmpeg.toml"))
    assert begin.regex.search("Stream mapping:")
    assert progress.regex.search("frame=  125 fps=0.0 q=-1.0 size=N/A time=00:00:04 speed=33x")
    assert end.regex.search("[out#0/mp4 @ 0x55] video:24KiB audio:0KiB")
    assert end.regex.search("video:24kB audio:0kB subtitle:0kB")


def test_the_page_says_what_every_key_of_a_pattern_does():
    table = PAGE.split("| Key | Effect |")[1]
    named = set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))
    assert named == set(PatternSettings.__struct_fields__) - {"regex"}
    assert UNCERTAINTY_S == 1.0


def test_the_client_is_one_file_that_marks_its_own_code(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shutil.copy(ROOT / "monitor/markers/client.py", tmp_path / "wattstage_client.py")
    (tmp_path / "mine.py").write_text(code)
    told = run([sys.executable, "mine.py"], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert told.code == 0
    assert told.tree("run/clip") == ["denoise", *["  denoise_step"] * 30]
