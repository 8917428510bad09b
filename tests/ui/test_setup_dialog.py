"""Setting up in the window: by clicks and keys, with real commands and a real bench."""

import asyncio
import threading

import pytest
from fake_feed import FakeFeed
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMessageBox, QPushButton

from monitor.bench.lab import BenchSettings, Lab
from monitor.config import load
from ui.setup_dialog import SetupDialog
from ui.setup_preview import headline, lanes
from ui.setup_talk import Talk
from ui.theme import DARK, LIGHT, style_sheet

STATE = {"shown": True, "unit": "V", "probe_factor": 10.0, "coupling": "DC", "range": 40.0}
PANEL = {
    "event": "panel",
    "identity": "ACME,SCOPE,1,1",
    "inputs": [
        {"input": 1, **STATE},
        {"input": 2, **STATE, "unit": "A"},
        {"input": 3, **STATE, "shown": False},
    ],
    "voltage": 1,
    "current": 2,
    "presets": [
        {"id": "10X", "name": "10X probe", "quantity": "voltage", "ratio": 10.0},
        {"id": "100mV/A", "name": "clamp 100 mV/A", "quantity": "current", "ratio": 10.0},
    ],
}
PREVIEW = {
    "event": "preview",
    "refused": False,
    "wrong": False,
    "findings": [],
    "duration_s": 0.1,
    "sample_rate_hz": 1e5,
    "channels": [
        {"input": 1, "quantity": "voltage", "unit": "V", "mean": 0.1, "rms": 230.0, "n_clipped": 0},
        {"input": 2, "quantity": "current", "unit": "A", "mean": 0.1, "rms": 4.0, "n_clipped": 3},
    ],
    "rails": [{"rail": "main", "mean_w": 900.0, "apparent_va": 920.0, "line_hz": 50.0}],
    "low": [[-1.0, 0.0], [-2.0, 0.0]],
    "high": [[1.0, 0.5], [2.0, 0.5]],
}
WRONG = {"id": "clipping", "level": "error", "what": "it leaves the screen", "fix": "turn a knob"}


@pytest.fixture
def dialog(app, monkeypatch):
    """Return a function that opens a dialog whose commands are only noted."""
    opened = []

    def open_dialog(*, talks=False, theme=DARK, profile=None):
        if not talks:
            monkeypatch.setattr(Talk, "start", lambda talk, words: started.append(list(words)))
        one = SetupDialog(
            None, theme, measure=lambda path: measured.append(path) or True, profile=profile
        )
        one.setStyleSheet(style_sheet(theme))
        one.started, one.measured = started, measured
        opened.append(one)
        one.show()
        return one

    started, measured = [], []
    yield open_dialog
    for one in opened:
        one.reject()
        one.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def scope():
    """Yield the address of a bench that runs beside the window's thread."""
    ready, address = threading.Event(), []

    async def serve():
        async with Lab(BenchSettings()) as lab:
            address.append(lab.visa)
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            address.append(lambda: loop.call_soon_threadsafe(ended.set))
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20.0)
    yield address[0]
    address[1]()
    thread.join(20.0)


def connected(one):
    one.finder._hear(device())
    one.use("TCPIP::10.0.0.7::hislip0::INSTR")
    one.talk.told.emit(PANEL)
    one.talk.told.emit(PREVIEW)


def device(**changes):
    return {
        "event": "device",
        "address": "TCPIP::10.0.0.7::hislip0::INSTR",
        "kind": "scope",
        "name": "ACME, SCOPE",
        "dialect": "keysight",
        "problem": "",
        "fix": "",
        **changes,
    }


def test_it_searches_at_once_and_a_key_chooses_what_was_found(dialog):
    one = dialog()
    assert one.started == [["devices", "--json"]]
    one.finder._hear({"event": "progress", "searching": ["mDNS"], "n_asking": 0})
    assert one.finder.said.text() == "searching mDNS"
    one.finder._hear(device())
    QTest.keyClick(one.finder.list, Qt.Key.Key_Return)
    assert one.started[-1][:3] == ["setup", "--json", "--look"]
    assert one.started[-1][3] == "--address=TCPIP::10.0.0.7::hislip0::INSTR"


def test_what_cannot_be_used_is_told_with_what_to_do(dialog):
    one = dialog()
    silent = device(kind="silent", dialect="", problem="no permission", fix="sudo something")
    one.finder._hear(silent)
    item = one.finder.list.item(0)
    assert "sudo something" in item.text()
    one.finder._choose(item)
    assert len(one.started) == 1
    one.finder._hear({"event": "note", "problem": "libusb is missing", "fix": "sudo apt"})
    assert "sudo apt" in one.finder.list.item(1).text()


def test_an_address_may_be_typed(dialog):
    one = dialog()
    QTest.keyClicks(one.finder.address, "TCPIP::1.2.3.4::INSTR")
    QTest.keyClick(one.finder.address, Qt.Key.Key_Return)
    assert one.started[-1] == ["setup", "--json", "--look", "--address=TCPIP::1.2.3.4::INSTR"]


def test_the_choices_become_what_the_command_is_told(dialog):
    one = dialog()
    connected(one)
    assert one.identity.text() == "ACME,SCOPE,1,1"
    assert one.started[-1] == [
        "setup", "--json", "--live", "--address=TCPIP::10.0.0.7::hislip0::INSTR",
        "--voltage", "1", "--current", "2", "--voltage-probe=scope", "--clamp=scope",
        "--supply", "auto",
    ]  # fmt: skip
    one.form.clamp.setCurrentIndex(1)
    one.form.voltage_probe.setEditText("200X")
    one.form.reversed.setChecked(True)
    one.form.expected.setText("230")
    one.form.record.setText("0,2")
    one.form.meters.setText("plug=mqtt://127.0.0.1/a")
    words = one.form.arguments()
    assert {"--voltage-probe=200X", "--clamp=100mV/A", "--reversed"} <= set(words)
    assert words[-3:] == [
        "--expect=230", "--record-length=0.2", "--meter=plug=mqtt://127.0.0.1/a"
    ]  # fmt: skip


def test_no_clamp_is_guessed_where_the_scope_shows_volts(dialog):
    one = dialog()
    one.use("A")
    inputs = [{"input": 1, **STATE}, {"input": 2, **STATE}]
    one.talk.told.emit(PANEL | {"inputs": inputs})
    assert "--clamp=scope" in one.started[-1]


def test_a_preview_says_what_it_shows(dialog):
    one = dialog()
    connected(one)
    assert one.numbers.text() == "900.0 W mean · 50.00 Hz · one record of 100 ms at 100 kS/s"
    assert one.picture.accessibleDescription() == (
        "Voltage, input 1: 230.0 V RMS · mean 100.0 mV;"
        " Current, input 2: 4.000 A RMS · mean 100.0 mA · 3 clipped"
    )
    assert "Nothing is wrong" in one.findings.accessibleDescription()
    assert one.save.isEnabled()


def test_nothing_of_former_choices_can_be_saved(dialog):
    one = dialog()
    connected(one)
    one.form.changed.emit()
    assert not one.save.isEnabled()
    assert not one.begin.isEnabled()


def test_a_refusal_shows_the_fix_and_nothing_can_be_saved(dialog):
    one = dialog()
    connected(one)
    refused = {"event": "preview", "refused": True, "wrong": True, "findings": [WRONG]}
    one.talk.told.emit(refused | {"low": [], "high": []})
    assert "turn a knob" in one.findings.accessibleDescription()
    assert not one.save.isEnabled()


def test_an_error_is_told_with_its_fix(dialog):
    one = dialog()
    one.use("A")
    one.talk.told.emit({"event": "error", "what": "connection refused", "fix": "switch it on"})
    assert "switch it on" in one.findings.accessibleDescription()
    one.talk.ended.emit(False, "wattstage: a crash")
    assert one.findings.accessibleDescription() == "✗  a crash"


def test_a_profile_is_overwritten_only_after_a_yes(dialog, monkeypatch, tmp_path):
    profile = tmp_path / "mine.toml"
    profile.write_text("mine")
    one = dialog()
    connected(one)
    one.profile.setText(str(profile))
    asked, answers = [], [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]

    def question(parent, title, text, *buttons):
        asked.append(text)
        return answers.pop(0)

    monkeypatch.setattr(QMessageBox, "question", question)
    before = len(one.started)
    one.save.click()
    assert len(one.started) == before
    one.save.click()
    assert one.started[-1][-2:] == [f"--out={profile}", "--force"]
    assert "--anyway" not in one.started[-1]
    assert asked == [f"{profile} exists. Overwrite it?"] * 2


def test_numbers_that_look_wrong_are_saved_only_after_a_yes(dialog, monkeypatch, tmp_path):
    one = dialog()
    connected(one)
    one.talk.told.emit(PREVIEW | {"wrong": True, "findings": [WRONG]})
    one.profile.setText(str(tmp_path / "new.toml"))
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *words: yes)
    one.save.click()
    assert one.started[-1][-1] == "--anyway"


def test_save_and_measure_begins_once_the_profile_is_there(dialog, tmp_path):
    one = dialog()
    connected(one)
    one.profile.setText(str(tmp_path / "new.toml"))
    one.begin.click()
    assert one.measured == []
    one.talk.told.emit({"event": "saved", "path": str(tmp_path / "new.toml")})
    assert one.measured == [tmp_path / "new.toml"]
    assert not one.isVisible()


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_everything_has_a_name_and_a_key_and_can_be_painted(dialog, theme):
    one = dialog(theme=theme)
    connected(one)
    fields = [w for w in one.findChildren(QLineEdit) if not w.objectName().startswith("qt_")]
    assert all(field.accessibleName() for field in fields if field.parent() not in combos(one))
    keys = [b.text()[b.text().index("&") + 1].lower() for b in one.findChildren(QPushButton)]
    assert len(set(keys)) == len(keys)
    assert not one.grab().isNull()


def combos(one):
    return [one.form.voltage_probe, one.form.clamp]


def test_a_preview_without_levels_draws_nothing():
    assert lanes({"event": "preview", "low": [], "high": []}) == []
    assert headline({"event": "preview"}) == ""


def test_a_window_opens_it_with_a_key(show, until, monkeypatch):
    monkeypatch.setattr(Talk, "start", lambda talk, words: None)
    window = show(FakeFeed())
    QTest.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    (one,) = window.findChildren(SetupDialog)
    assert one.isVisible()
    one.reject()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_scope_is_set_up_from_its_address_to_its_profile(dialog, until, scope, tmp_path):
    one = dialog(talks=True)
    one.finder.address.setText(scope)
    one.finder._use()
    until(one.save.isEnabled, 30.0)
    assert "Hz" in one.numbers.text()
    one.form.clamp.setCurrentIndex(one.form.clamp.findData("10mV/A"))
    until(lambda: "PROBe 100" in one.findings.accessibleDescription(), 30.0)
    assert not one.save.isEnabled()
    one.form.clamp.setCurrentIndex(one.form.clamp.findData("100mV/A"))
    until(one.save.isEnabled, 30.0)
    profile = tmp_path / "mine.toml"
    one.profile.setText(str(profile))
    one.begin.click()
    until(lambda: one.measured == [profile], 30.0)
    assert load(profile).instrument.address == scope
    assert not one.talk.is_busy


def test_closing_ends_the_commands(dialog, until, scope):
    one = dialog(talks=True)
    one.use(scope)
    until(lambda: one.talk.is_busy, 30.0)
    one.reject()
    assert not one.talk.is_busy


def test_a_command_that_cannot_be_started_or_babbles_is_told(app, until, monkeypatch):
    ends = []
    talk = Talk(app)
    talk.ended.connect(lambda good, why: ends.append((good, why)))
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    talk.start(["devices"])
    until(lambda: ends)
    assert ends[0][0] is False
    assert not talk.is_busy
    talk.deleteLater()


def test_a_dialog_that_is_told_the_instrument_and_the_profile_begins_with_them(dialog, tmp_path):
    one = dialog(profile=tmp_path / "lab.toml")
    one.use("TCPIP::a::INSTR")
    assert one.started[-1][-1] == "--address=TCPIP::a::INSTR"
    assert one.profile.text() == str(tmp_path / "lab.toml")
