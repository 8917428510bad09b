from pathlib import Path

from PySide6.QtGui import QKeySequence

from ui.keys import BY_NAME, COMMANDS, MOUSE, groups

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "keyboard.md"


def test_no_key_does_two_things():
    keys = [QKeySequence(key).toString() for command in COMMANDS for key in command.keys]
    assert len(set(keys)) == len(keys)
    assert all(keys)


def test_every_command_has_one_name_and_says_what_it_does():
    assert len(BY_NAME) == len(COMMANDS)
    assert all(command.tip and command.text and command.key for command in COMMANDS)


def test_the_reference_lists_every_key_and_gesture():
    text = REFERENCE.read_text(encoding="utf-8")
    for name in groups(COMMANDS):
        assert f"## {name}" in text
    for command in COMMANDS:
        keys = ", ".join(f"`{key}`" for key in command.shown_keys)
        assert f"| {keys} | {command.tip} |" in text
    for gesture, does in MOUSE:
        assert f"| {gesture} | {does} |" in text
