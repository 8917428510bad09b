"""Which format a file is to have."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import ConfigError
from monitor.export.csv_file import CSV
from monitor.export.formats import Format
from monitor.export.jls import JLS
from monitor.export.mf4 import MF4
from monitor.export.parquet import PARQUET
from monitor.export.wav import WAV

FORMATS = {form.name: form for form in (CSV, PARQUET, JLS, MF4, WAV)}


def choose(name: str, path: Path) -> Format:
    """Return the format of a name, or of the ending of a file if that is empty.

    Raises
    ------
    ConfigError
        If there is none.
    """
    for form in FORMATS.values():
        if form.name == name.lower() or (not name and form.suffix == path.suffix.lower()):
            return form
    known = ", ".join(FORMATS)
    raise ConfigError(
        f"--format must be one of {known}, got {name!r}"
        if name
        else f"the ending of {path.name} tells no format; add --format: {known}"
    )
