"""Looks whether a recording is whole: every table, every code, every summary."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import RecordingError
from monitor.keeping.digest import CODES_SHA256, TABLES_SHA256, Digest, tables_sha256
from monitor.keeping.summaries_check import wrong_summaries
from monitor.model import NS
from monitor.recording import schema, tables
from monitor.recording.checksums import CHECKSUMS, attribute_texts
from monitor.recording.levels import UnusableSummariesError
from monitor.recording.opening import open_file, short
from monitor.recording.reader import Recording
from monitor.recording.sums import Changed, Sums
from monitor.units import count, duration, share

_REPAIR = "wattstage repair FILE -o OUT keeps what can be read"
_MOST_TOLD = 5  # places that changed
_FAR_S = 3600.0  # a mark so far outside of the samples is of another session


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    """structure, end, samples, continuity, times, checksum, summaries or marks."""
    state: str
    """ok, warn (numbers are right, something is missing) or fail."""
    text: str
    fix: str = ""
    """What to do."""


def verify(path: Path, progress: Callable[[float], None] = lambda _: None) -> Iterator[Finding]:
    """Yield what was found, as it is found; every sample is read.

    Parameters
    ----------
    progress
        Told the share of the samples, 0 to 1, twice: codes, then summaries. May raise to give up.
    """
    try:
        recording = Recording(path)
    except RecordingError as error:
        fix = f"use another copy; or {_REPAIR}, if anything can"
        yield Finding(name="structure", state="fail", text=str(error), fix=fix)
        return
    with recording:
        files = count(recording.n_files, "file")
        text = f"schema {recording.schema_version}, {files}, its tables agree"
        yield Finding(name="structure", state="ok", text=text)
        yield from _end(recording)
        yield _continuity(recording)
        yield _times(recording)
        found, is_readable = _codes(recording, progress)
        yield from found
        if is_readable:
            yield _summaries(recording, progress)
        yield _marks(recording)


def _end(recording: Recording) -> Iterator[Finding]:
    for text in recording.lost:
        yield Finding(name="end", state="fail", text=text, fix=_REPAIR)
    if recording.closed:
        yield Finding(name="end", state="ok", text="its recorder ended it as asked")
    elif not recording.lost:
        text = "its recorder has not ended it: it is still being written, or was killed"
        yield Finding(name="end", state="warn", text=text, fix=_REPAIR)


def _continuity(recording: Recording) -> Finding:
    text = (
        f"{recording.n_samples} samples of each channel in {count(recording.n_blocks, 'block')},"
        f" {count(recording.n_gaps, 'gap')}, coverage {share(recording.coverage)} of"
        f" {duration(recording.duration_s)}"
    )
    if recording.info.continuous and recording.n_gaps:
        return Finding(
            name="continuity", state="warn", text=f"{text}; its instrument claims to have none",
            fix="dead time is filled and shown as coverage; look for a reconnection or a merge",
        )  # fmt: skip
    return Finding(name="continuity", state="ok", text=text)


def _times(recording: Recording) -> Finding:
    host_ns = recording.host_times_ns
    backwards = int(np.count_nonzero(np.diff(host_ns) < 0))
    if backwards:
        text = f"the host's clock went back {backwards} times; the instrument's clock is used"
        return Finding(name="times", state="warn", text=text, fix="let chrony keep the clock")
    return Finding(name="times", state="ok", text="the host's times only go forward")


def _codes(recording: Recording, progress: Callable[[float], None]) -> tuple[list[Finding], bool]:
    """Read every code; a digest is compared if the file has one."""
    digest, n_bad, bad_s = Digest(len(recording.info.channels)), 0, 0.0
    for k in range(recording.n_blocks):
        try:
            digest.add(recording.block(k).codes)
        except RecordingError:
            n_bad += 1
            bad_s += recording.block_length(k) / recording.info.sample_rate_hz
        progress((k + 1) / recording.n_blocks / 2)
    if n_bad:
        text = f"{n_bad} of {recording.n_blocks} blocks, {bad_s:.6g} s, cannot be read"
        return [Finding(name="samples", state="fail", text=text, fix=_REPAIR)], False
    found = [Finding(name="samples", state="ok", text="every code can be read")]
    return [*found, _checksum(recording, digest.text)], True


def _checksum(recording: Recording, codes: str) -> Finding:
    """Compare what each flush added, and digests if it has some, in all files of the recording."""
    wrong: list[str] = []
    n_checked = 0
    for path in recording.files:
        try:
            file, whole = open_file(path)
            with file:
                n_checked += CHECKSUMS in file or TABLES_SHA256 in file.attrs
                told = itertools.islice(_changes(file, whole=whole), _MOST_TOLD)
                of_file = [f"{what} of {path.name} changed since" for what in told]
                if not of_file and recording.closed and recording.n_files == 1:
                    of_file = _digests(file, codes)
                wrong += of_file
        except (OSError, RuntimeError, LookupError, ValueError) as error:
            wrong.append(f"the tables of {path.name} cannot be read: {short(error)}")
    if wrong:
        text = "; ".join(wrong[:_MOST_TOLD])
        return Finding(
            name="checksum", state="fail", text=text, fix=f"use another copy; or {_REPAIR}"
        )
    if n_checked < len(recording.files):
        text = "it has no checksums, so a bit that flipped shows in its summaries or not at all"
        return Finding(name="checksum", state="ok", text=text)
    text = "codes, tables and attributes are as they were when they were recorded"
    return Finding(name="checksum", state="ok", text=text)


def _changes(file: h5py.File, *, whole: bool) -> Iterator[Changed]:
    """Yield all that is not as it was written."""
    codes = tables.dataset(file, schema.CODES, 2)
    closed = whole and bool(file[schema.STATUS][schema.STATUS_CLOSED])
    sums = Sums(file, closed=closed)
    yield from sums.malformed(codes.shape[0])
    yield from sums.attributes(attribute_texts(file))
    rows = tables.read(file, codes.shape[0], whole=whole).rows
    yield from sums.tables(rows, thorough=True)
    yield from sums.codes(codes, 0, codes.shape[1])


def _digests(file: h5py.File, codes: str) -> list[str]:
    """Return which of the digests that repair, cut and merge put into a file do not hold."""
    found = {CODES_SHA256: codes, TABLES_SHA256: tables_sha256(file)}
    return [
        f"{name} is not that of the file, which was changed since"
        for name, digest in found.items()
        if name in file.attrs and file.attrs[name] != digest
    ]


def _summaries(recording: Recording, progress: Callable[[float], None]) -> Finding:
    made_anew = "wattstage repair FILE -o OUT makes them"
    other_copy = "use another copy: codes, summaries or probes were changed"
    if recording.unused:
        return Finding(name="summaries", state="fail", text=recording.unused, fix=other_copy)
    if recording.has_summaries and recording.levels is None:
        return Finding(
            name="summaries", state="warn", text="they go on from parts that are not here, and were"
            " not compared with the codes", fix="verify the first part, with all others beside it",
        )  # fmt: skip
    try:
        wrong = wrong_summaries(recording, lambda share: progress((1.0 + share) / 2))
    except UnusableSummariesError as error:
        return Finding(name="summaries", state="fail", text=str(error), fix=made_anew)
    if wrong is None:
        text = "it has no summaries that hold: it opens slowly"
        return Finding(name="summaries", state="warn", text=text, fix=made_anew)
    if wrong:
        text = f"they are not those of its codes: {wrong}"
        return Finding(name="summaries", state="fail", text=text, fix=other_copy)
    return Finding(name="summaries", state="ok", text="they are those of its codes")


def _marks(recording: Recording) -> Finding:
    times: NDArray[np.float64] = np.array([m.time_ns for m in recording.markers], np.float64)
    start_ns, stop_ns = (recording.info.time_ns(index) for index in recording.bounds)
    far_ns = _FAR_S * NS
    n_far = int(np.count_nonzero((times < start_ns - far_ns) | (times > stop_ns + far_ns)))
    text = f"{count(len(times), 'marker')}, {count(len(recording.notes), 'note')}"
    if n_far:
        return Finding(
            name="marks", state="warn", text=f"{text}; {n_far} of them an hour or more outside",
            fix="look at the clock of whoever sent them",
        )  # fmt: skip
    return Finding(name="marks", state="ok", text=text)
