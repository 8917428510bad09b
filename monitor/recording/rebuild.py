"""Makes the summaries of a file anew, from its codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py

from monitor.errors import RecordingError
from monitor.recording.contents import load
from monitor.recording.opening import short
from monitor.recording.samples import Samples
from monitor.recording.summaries import GROUP, Summariser

_FLUSH_SAMPLES = 1 << 22


def rebuild(
    file: h5py.File, path: Path, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Replace the summaries of a recording by those that its codes and probes give.

    Parameters
    ----------
    file
        Closed by its recorder, and opened for writing.
    progress
        Told the share that is done, 0 to 1; may raise to give up, which leaves no whole file.

    Raises
    ------
    RecordingError
        If the file is damaged.
    OSError, RuntimeError
        If the disk does not take it.
    """
    try:
        contents = load(file, path, whole=True)
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise RecordingError(f"{path} is damaged: {short(error)}") from error
    samples = Samples(path, contents.info, contents.blocks, contents.scales, contents.codes)
    if GROUP in file:
        del file[GROUP]
    if not samples.dense:
        return  # bins count places; a file of another's making may have holes
    summariser = Summariser(contents.info)
    summaries = summariser.attach(file)
    waiting = 0
    for start, signals, share in samples.passing():
        summariser.append_signals(start, signals)
        waiting += signals.shape[1]
        if waiting >= _FLUSH_SAMPLES:
            summariser.flush(summaries)
            waiting = 0
            progress(share)
    summariser.flush(summaries)
    progress(1.0)
