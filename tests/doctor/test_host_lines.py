"""What the doctor says of the disk and the clock of this computer."""

import pytest

from monitor.doctor import host


def by_id(lines):
    return {line.id: line for line in lines}


def test_a_good_disk_has_a_speed_and_hours(tmp_path):
    found = by_id(host.disk(tmp_path, 1000.0))
    assert (found["disk"].level, found["room"].level) == ("ok", "ok")
    assert found["disk"].value > 3000
    assert "free" in found["room"].what
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("times", "level"), [(0.1, "ok"), (0.5, "warn"), (2.0, "fail")]
)  # of the disk's speed
def test_a_disk_slower_than_the_data_is_told(tmp_path, monkeypatch, times, level):
    monkeypatch.setattr(host, "_speed", lambda *_: 1e6)
    line = by_id(host.disk(tmp_path, times * 1e6))["disk"]
    assert line.level == level
    assert bool(line.fix) is (level != "ok")


@pytest.mark.parametrize(("hours", "level"), [(9, "ok"), (2, "warn"), (0.1, "fail")])
def test_room_is_told_in_hours_at_the_rate_of_the_data(tmp_path, monkeypatch, hours, level):
    class Usage:
        free = hours * 3600 * 1e6

    monkeypatch.setattr(host.shutil, "disk_usage", lambda _: Usage)
    monkeypatch.setattr(host, "_speed", lambda *_: 1e9)
    line = by_id(host.disk(tmp_path, 1e6))["room"]
    assert (line.level, line.value, line.unit) == (level, pytest.approx(hours), "h")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (line,) = host.disk(tmp_path / "none", 1e6)
    assert (line.id, line.level) == ("disk", "fail")
    assert "WATTSTAGE_RECORDINGS" in line.fix


def test_a_folder_that_is_yet_to_be_made_is_on_the_disk_of_its_parent(tmp_path):
    assert host.nearest(tmp_path / "a" / "b") == tmp_path
    assert host.nearest(tmp_path) == tmp_path


class FakeLibrary:
    """A kernel's answer."""

    def __init__(self, code, status, maxerror_us):
        self._answer = code, status, maxerror_us

    def adjtimex(self, state):
        code, state._obj.status, state._obj.maxerror = self._answer
        return code


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        ((0, 0, 12_000), "ok", "12.0 ms"),
        ((0, 0, 500_000), "warn", "500 ms"),
        ((5, 0x40, 16_000_000), "warn", "nothing keeps"),
        ((-1, 0, 0), "skip", "cannot be asked"),
    ],
)
def test_the_clock_is_as_its_kernel_says(monkeypatch, answer, level, words):
    monkeypatch.setattr(host.ctypes, "CDLL", lambda *_, **__: FakeLibrary(*answer))
    (line,) = host.clock()
    assert line.level == level
    assert words in line.what


def test_the_kernel_of_this_computer_can_be_asked():
    (line,) = host.clock()
    assert line.id == "host-clock"
