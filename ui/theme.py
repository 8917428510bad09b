"""How the window looks: two palettes, one font scale, and the colours of the stages.

Colours are ``#rrggbb``. Every palette that tells things apart is built on Okabe and Ito's, which
people with any colour vision can read (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass

FONTS = ("Inter", "DejaVu Sans", "Noto Sans", "Liberation Sans")
"""First one present wins; all have digits of one width, Inter by its ``tnum`` feature."""

SMALL_PX = 11
BASE_PX = 13
VALUE_PX = 17
BIG_PX = 26

BLUE = "#0072b2"
SKY = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
ORANGE = "#e69f00"
VERMILLION = "#d55e00"
PURPLE = "#cc79a7"
GREY = "#999999"

_STAGES = {
    "session": GREY,
    "run": GREY,
    "idle": GREY,
    "model_load": PURPLE,
    "shard": PURPLE,
    "prompt_refine": YELLOW,
    "text_encode": YELLOW,
    "clip": GREEN,
    "segment": GREEN,
    "latent_prep": VERMILLION,
    "ref_encode": VERMILLION,
    "cond_image": VERMILLION,
    "offload_swap": VERMILLION,
    "denoise": BLUE,
    "denoise_step": SKY,
    "vae_decode": ORANGE,
    "vae_tile": ORANGE,
    "decode": ORANGE,
    "save": PURPLE,
    "post": VERMILLION,
    "event": VERMILLION,
}
_OTHERS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)


@dataclass(frozen=True, slots=True)
class Theme:
    """One palette."""

    name: str
    window: str
    panel: str
    plot: str
    raised: str
    line: str
    grid: str
    text: str
    muted: str
    accent: str
    good: str
    warn: str
    bad: str
    playhead: str
    stage_fill: float
    """Share of a stage's own colour in its band; the rest is the plot's background."""
    power: tuple[str, ...]
    """The envelope of the total power, then its rolling averages from the shortest window."""
    voltage: tuple[str, ...]
    """One per channel; repeats when there are more."""
    current: tuple[str, ...]
    ramp: tuple[str, ...]
    """One per window, from the shortest."""
    slow: tuple[str, ...]
    """One per slow channel with a line; none is like one of the power's. They repeat with other
    dashes."""


DARK = Theme(
    name="dark",
    window="#14171c",
    panel="#1a1e25",
    plot="#101318",
    raised="#262c36",
    line="#2a303a",
    grid="#1f252d",
    text="#e8ebef",
    muted="#98a2b0",
    accent="#56b4e9",
    good="#3ecf9a",
    warn="#f0b849",
    bad="#ff7a6b",
    playhead="#ffffff",
    stage_fill=0.42,
    power=("#b8862c", "#f5b335", "#f4f6f8", "#56b4e9", "#cc79a7"),
    voltage=("#56b4e9", "#8fd0f5", "#3d87c9", "#b8c8f0"),
    current=("#1fbf8f", "#8ae0c0", "#7fb84a", "#c3e08a"),
    ramp=("#b06a90", "#f4f6f8", "#56b4e9", "#f5b335"),
    slow=("#21d3a0", "#e88fbd", "#ff6f3c", "#f0e442"),
)

LIGHT = Theme(
    name="light",
    window="#f3f4f6",
    panel="#ffffff",
    plot="#ffffff",
    raised="#e6e9ed",
    line="#d5d9df",
    grid="#eceef1",
    text="#1a1f27",
    muted="#59636f",
    accent="#0072b2",
    good="#00805d",
    warn="#9a6200",
    bad="#c0341d",
    playhead="#111418",
    stage_fill=0.42,
    power=("#e9b64f", "#c77f00", "#1a1f27", "#0072b2", "#a8487c"),
    voltage=("#0072b2", "#4ea3d8", "#003f73", "#7d8fc9"),
    current=("#00805d", "#4fb892", "#4d7a12", "#8aa63c"),
    ramp=("#cf86ae", "#1a1f27", "#0072b2", "#c77f00"),
    slow=("#008a64", "#b0407f", "#c4450c", "#7a7000"),
)

_DASHES_PX = ((5.0, 3.0), (14.0, 4.0), (2.0, 3.0))

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


@functools.cache
def mix(one: str, other: str, share: float) -> str:
    """Return a colour that is ``share`` of the first and the rest of the other."""
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


@functools.cache
def stage_color(name: str) -> str:
    """Return a stage's own colour, always the same for a name; a dotted part has its parent's."""
    known = _STAGES.get(name) or _STAGES.get(name.partition(".")[0])
    return known or _OTHERS[zlib.crc32(name.encode()) % len(_OTHERS)]


def dashes_of(position: int) -> tuple[float, float]:
    """Return the pixels of a dash and of the space after it; they change when colours repeat."""
    return _DASHES_PX[position // len(DARK.slow) % len(_DASHES_PX)]


def pick(colors: tuple[str, ...], position: int) -> str:
    """Return a colour by position; they repeat."""
    return colors[position % len(colors)]


def style_sheet(theme: Theme) -> str:
    """Return the Qt style sheet of the whole window."""
    t = theme
    return f"""
* {{ font-size: {BASE_PX}px; color: {t.text}; }}
QMainWindow, QDialog {{ background: {t.window}; }}
QLabel {{ background: transparent; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
    padding: 4px 6px; }}
#toolbar, #transport {{ background: {t.panel}; border: none; }}
#toolbar {{ border-bottom: 1px solid {t.line}; }}
#transport {{ border-top: 1px solid {t.line}; }}
#rule {{ background: {t.line}; margin: 0 7px; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 5px;
    padding: 5px 9px; }}
QToolButton:hover {{ background: {t.raised}; }}
QToolButton:focus {{ border-color: {t.accent}; }}
QToolButton:pressed {{ background: {t.line}; }}
QToolButton:checked {{ background: {mix(t.accent, t.panel, 0.22)};
    border-color: {mix(t.accent, t.panel, 0.45)}; }}
QToolButton#record:checked {{ background: {mix(t.bad, t.panel, 0.24)};
    border-color: {mix(t.bad, t.panel, 0.55)}; }}
QToolButton:disabled {{ color: {mix(t.muted, t.panel, 0.45)}; }}
QLineEdit, QComboBox {{ background: {t.plot}; border: 1px solid {t.line}; border-radius: 5px;
    padding: 4px 8px; selection-background-color: {mix(t.accent, t.plot, 0.5)}; }}
QLineEdit:focus, QComboBox:focus {{ border-color: {t.accent}; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox QAbstractItemView {{ background: {t.panel}; border: 1px solid {t.line};
    selection-background-color: {mix(t.accent, t.panel, 0.35)}; selection-color: {t.text}; }}
#tile {{ background: {t.panel}; }}
#tile_title {{ color: {t.muted}; font-size: {SMALL_PX}px; }}
#tile_value {{ font-size: {BIG_PX}px; }}
#tile[small="true"] #tile_value {{ font-size: {VALUE_PX}px; }}
#tile_value[dim="true"] {{ color: {t.muted}; }}
#tile_unit {{ color: {t.muted}; font-size: {BASE_PX}px; }}
#tile_note {{ color: {t.muted}; font-size: {SMALL_PX}px; }}
#tile_note[level="warn"] {{ color: {t.warn}; }}
#banner {{ background: {mix(t.warn, t.window, 0.14)};
    border-bottom: 1px solid {mix(t.warn, t.window, 0.4)}; }}
#banner QLabel {{ color: {t.text}; }}
#status {{ background: {t.panel}; border: none; }}
#status QLabel {{ color: {t.muted}; font-size: {SMALL_PX}px; }}
#status QLabel[level="good"] {{ color: {t.good}; }}
#status QLabel[level="warn"] {{ color: {t.warn}; }}
#status QLabel[level="bad"] {{ color: {t.bad}; }}
#status QLabel[level="rec"] {{ color: {t.accent}; }}
#status QLabel[level="plain"] {{ color: {t.text}; }}
QStatusBar {{ background: {t.panel}; border-top: 1px solid {t.line}; }}
QStatusBar::item {{ border: none; }}
QMainWindow::separator {{ background: {t.line}; width: 1px; height: 1px; }}
QTableView {{ background: {t.plot}; alternate-background-color: {t.panel}; border: none;
    gridline-color: {t.grid}; selection-background-color: {mix(t.accent, t.plot, 0.3)};
    selection-color: {t.text}; font-size: {SMALL_PX + 1}px; }}
QTreeView, QListView {{ background: {t.plot}; alternate-background-color: {t.panel};
    border: 1px solid {t.line}; selection-background-color: {mix(t.accent, t.plot, 0.3)};
    selection-color: {t.text}; }}
QTreeView::item:hover, QListView::item:hover {{ background: {t.raised}; }}
QTreeView::item:selected, QListView::item:selected {{
    background: {mix(t.accent, t.plot, 0.3)}; }}
QMenu {{ background: {t.panel}; border: 1px solid {t.line}; }}
QMenu::item:selected {{ background: {mix(t.accent, t.panel, 0.35)}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QTableView::item {{ padding: 0 12px 0 6px; }}
QTableView QLineEdit {{ padding: 0 2px; border-radius: 0; }}
QHeaderView::section {{ background: {t.panel}; color: {t.muted}; border: none;
    border-bottom: 1px solid {t.line}; padding: 5px 12px 5px 6px; font-size: {SMALL_PX}px; }}
QTableCornerButton::section {{ background: {t.panel}; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {t.line}; border-radius: 4px; min-height: 24px; min-width: 24px;
    margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QPushButton {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 5px;
    padding: 5px 14px; }}
QPushButton:hover {{ background: {t.line}; }}
QPushButton:focus {{ border-color: {t.accent}; }}
QPushButton:disabled {{ color: {mix(t.muted, t.panel, 0.45)}; }}
QListWidget {{ background: {t.plot}; border: 1px solid {t.line}; border-radius: 5px;
    selection-background-color: {mix(t.accent, t.plot, 0.3)}; selection-color: {t.text}; }}
QListWidget:focus {{ border-color: {t.accent}; }}
QListWidget::item {{ padding: 6px 8px; }}
QListWidget::item:selected {{ background: {mix(t.accent, t.plot, 0.3)}; }}
QLineEdit:disabled, QComboBox:disabled, QCheckBox:disabled {{ color: {t.muted}; }}
QCheckBox::indicator {{ width: 14px; height: 14px; background: {t.plot};
    border: 1px solid {t.muted}; border-radius: 3px; }}
QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent}; }}
QCheckBox:focus {{ color: {t.accent}; }}
QProgressBar {{ background: {t.raised}; border: none; border-radius: 2px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
#findings {{ background: {t.panel}; }}
#findings QLabel[level="bad"] {{ color: {t.bad}; }}
#findings QLabel[level="warn"] {{ color: {t.warn}; }}
#findings QLabel[level="good"] {{ color: {t.good}; }}
#sheet {{ background: {t.window}; }}
#key {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 4px; padding: 1px 7px;
    font-size: {SMALL_PX}px; }}
#heading {{ color: {t.muted}; font-size: {SMALL_PX}px; }}
"""


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
