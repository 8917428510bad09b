"""Everything the window can be told to do, and the keys for it; pure, and without Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the window can be told to do."""

    name: str
    text: str
    keys: tuple[str, ...]
    """As Qt writes them; the first is shown."""
    tip: str
    group: str

    @property
    def key(self) -> str:
        """Return its first key as people read it."""
        return self.shown_keys[0]

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """Return all its keys as people read them."""
        return tuple(
            key if key == "+" else " ".join(_SIGNS.get(part, part) for part in key.split("+"))
            for key in self.keys
        )


_SIGNS = {"Left": "←", "Right": "→", "-": "−", "PgUp": "Page up", "PgDown": "Page down"}
_SESSION, _VIEW, _REPLAY, _WINDOW = "Session", "View", "Replay", "Window"

COMMANDS = (
    Command("record", "Record", ("R",), "Start recording, or stop it", _SESSION),
    Command("mark", "Mark", ("M",),
            "Put a mark at this moment, or at the playhead, with a text", _SESSION),
    Command("undo", "Undo", ("Ctrl+Z",), "Take back the newest mark, edit or note", _SESSION),
    Command("redo", "Redo", ("Ctrl+Shift+Z",), "Make again what was taken back", _SESSION),
    Command("delete_mark", "Delete", ("Ctrl+D",),
            "Delete the mark or note that is chosen in the list", _SESSION),
    Command("open", "Open…", ("Ctrl+O",), "Open a recording to browse and replay it", _SESSION),
    Command("setup", "Set up…", ("Ctrl+I",),
            "Find an instrument, say how it is connected, and measure with it", _SESSION),
    Command("live", "Live", ("L",), "Go back from a recording to the live session", _SESSION),
    Command("pause", "Pause", ("Space",),
            "Hold the plots while the session goes on; in a recording: play, or hold", _VIEW),
    Command("follow", "Follow", ("F",), "Keep the newest sample at the right edge", _VIEW),
    Command("fit", "Fit all", ("A",), "Show the whole session", _VIEW),
    Command("zoom_in", "Zoom in", ("+", "="), "Show half as much time", _VIEW),
    Command("zoom_out", "Zoom out", ("-",), "Show twice as much time", _VIEW),
    Command("earlier", "Earlier", ("Left",), "Move the view a tenth of its width back", _VIEW),
    Command("later", "Later", ("Right",), "Move the view a tenth of its width on", _VIEW),
    Command("page_earlier", "Page back", ("Shift+Left", "PgUp"),
            "Move the view its whole width back", _VIEW),
    Command("page_later", "Page on", ("Shift+Right", "PgDown"),
            "Move the view its whole width on", _VIEW),
    Command("plot_1", "Power", ("1",), "Show or hide the power plot", _VIEW),
    Command("plot_2", "Voltage", ("2",), "Show or hide the voltage plot", _VIEW),
    Command("plot_3", "Current", ("3",), "Show or hide the current plot", _VIEW),
    Command("plot_4", "Ramp rate", ("4",), "Show or hide the ramp rate plot", _VIEW),
    Command("ramp_window", "Ramp window", ("W",),
            "Show the ramp rate over the next window alone, then over all", _VIEW),
    Command("slow", "Meters", ("P",),
            "Show or hide what meters say in the power plot", _VIEW),
    Command("cursors", "Cursors", ("C",),
            "Measure between two cursors, or take them away", _VIEW),
    Command("home", "To start", ("Home",), "Put the playhead at the start", _REPLAY),
    Command("slower", "Slower", ("[",), "Replay more slowly", _REPLAY),
    Command("faster", "Faster", ("]",), "Replay faster", _REPLAY),
    Command("stages", "Stages", ("S",), "Show or hide the stage table", _WINDOW),
    Command("notes", "Notes", ("N",), "Show or hide the marks and the notes", _WINDOW),
    Command("theme", "Theme", ("T",), "Switch between dark and light", _WINDOW),
    Command("help", "Keys", ("F1", "?"), "Show this list", _WINDOW),
    Command("quit", "Close", ("Ctrl+Q",), "Close the window; the session goes on", _WINDOW),
)  # fmt: skip

BY_NAME = {command.name: command for command in COMMANDS}


def groups(commands: tuple[Command, ...]) -> tuple[str, ...]:
    """Return the names of the groups, in the order in which they first occur."""
    return tuple(dict.fromkeys(command.group for command in commands))


MOUSE = (
    ("Wheel", "Zoom about the pointer; while following, about the newest sample"),
    ("Drag", "Move the view"),
    ("Double click", "Show the whole session"),
    (
        "Hover",
        "Read the values, the coverage, the time and the stage under the pointer; on the"
        " lane, what a stage used",
    ),
    ("Shift and drag", "Measure between two cursors; each can be dragged further"),
    ("Click, or drag on the lane", "In a recording: put the playhead there"),
)
"""What the mouse does on the plots."""
