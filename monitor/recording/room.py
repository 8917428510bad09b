"""Whether the reduced form of a recording fits in the memory."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.dsp.pyramid import hop_for
from monitor.errors import RecordingError
from monitor.model import StreamInfo

_SHARE = 0.75  # of the memory of the machine


def check_room(path: Path, info: StreamInfo, n_samples: int) -> None:
    """Raise if the summaries of a span need more memory than there is.

    Raises
    ------
    RecordingError
        Says how long the span is, and what it needs.
    """
    n_signals = len(info.channels) + 1
    # Extremes at all levels (8/7 of the first) as float32, totals as float64.
    bin_bytes = 8 / 7 * 2 * 4 * n_signals + 8 * (2 * n_signals + 1)
    needed = n_samples / hop_for(info.sample_rate_hz) * bin_bytes
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > _SHARE * memory:
        raise RecordingError(
            f"{path} spans {n_samples / info.sample_rate_hz / 3600:.3g} h at"
            f" {info.sample_rate_hz:g} Hz: its summaries need {needed / 2**30:.3g} GiB, this"
            f" machine has {memory / 2**30:.3g}; open it on a larger one"
        )
