"""The actions behind the buttons and keys, and what they say about the state of things."""

from __future__ import annotations

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from monitor.model import Snapshot
from ui.icons import icon
from ui.keys import COMMANDS
from ui.navigator import Navigator
from ui.theme import DARK, Theme

_CHECKABLE = ("record", "pause", "follow", "stages", "notes")
_LIVE_ONLY = ("record", "follow")
_REPLAY_ONLY = ("home", "slower", "faster")
_ASKING = ("record", "mark", "undo", "redo")  # what nobody does while nobody answers


class Actions(dict[str, QAction]):
    """One action for each command, by name."""

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._theme, self._ratio = DARK, 1.0
        self._said: dict[str, tuple[str, str]] = {}
        for command in COMMANDS:
            action = QAction(command.text, window)
            action.setShortcuts([QKeySequence(key) for key in command.keys])
            action.setToolTip(f"{command.tip}   ({command.key})")
            action.setCheckable(command.name in _CHECKABLE)
            window.addAction(action)
            self[command.name] = action
            self._said[command.name] = (command.text, command.name)

    def set_theme(self, theme: Theme, ratio: float) -> None:
        """Paint the signs in other colours."""
        self._theme, self._ratio = theme, ratio
        for name in self:
            self._paint(name)

    def show_state(
        self,
        snapshot: Snapshot | None,
        navigator: Navigator,
        *,
        can_go_live: bool,
        answers: bool = True,
    ) -> None:
        """Say what a click would do now, and hide what cannot be done.

        Parameters
        ----------
        answers
            Whether the snapshot is still news; nothing is known of a recording otherwise.
        """
        replaying = snapshot is not None and snapshot.replay_speed is not None
        recording = answers and snapshot is not None and snapshot.recording is not None
        playing = replaying and snapshot is not None and snapshot.state == "running"
        self._say("record", *(("Stop", "stop") if recording else ("Record", "record")))
        if replaying:
            self._say("pause", *(("Hold", "pause") if playing else ("Play", "play")))
        else:
            self._say("pause", "Pause", "pause")
        self["record"].setChecked(recording)
        self["pause"].setChecked(not replaying and navigator.held)
        self["follow"].setChecked(answers and navigator.following)
        self["follow"].setEnabled(answers)
        for name in _ASKING:
            self[name].setEnabled(answers)
        for name in _LIVE_ONLY:
            self[name].setVisible(not replaying)
        for name in _REPLAY_ONLY:
            self[name].setEnabled(replaying)
        self["live"].setVisible(replaying and can_go_live)

    def _say(self, name: str, text: str, sign: str) -> None:
        if self._said[name] != (text, sign):
            self._said[name] = (text, sign)
            self[name].setText(text)
            self._paint(name)

    def _paint(self, name: str) -> None:
        color = self._theme.bad if name == "record" else self._theme.text
        self[name].setIcon(icon(self._said[name][1], color, ratio=self._ratio))
