"""What of a damaged recording is as it was written: the rest is left out, and told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.recording import schema
from monitor.recording.checksums import ATTRIBUTES, CHECKSUMS
from monitor.recording.mending import mend
from monitor.recording.sums import Changed
from monitor.recording.tables import Tables


def only(
    found: Tables, texts: dict[str, bytes], changes: Sequence[Changed]
) -> tuple[Tables, dict[str, bytes], list[Changed], tuple[str, ...]]:
    """Return tables and attributes as they were, without rows of which that is not known.

    A single bit that flipped is put back. Rows of scales and bytes of markers stay in their places.

    Parameters
    ----------
    texts
        Of the attributes.

    Returns
    -------
    tables, attributes
        With what is left.
    changes
        Those that could neither be put back nor left out.
    told
        What was done, one sentence each.

    Raises
    ------
    ValueError
        If nothing else can be trusted without what changed.
    """
    found, texts, changes, told = mend(found, texts, changes)
    if any(each.name == "info" for each in changes):
        raise ValueError(
            "its info, which says what its samples mean, changed since it was recorded"
        )
    left, left_out = _left(found, changes)
    kept = [each for each in changes if each.name in (*ATTRIBUTES, CHECKSUMS)]
    return left, texts, kept, (*told, *left_out)


def _left(found: Tables, changes: Sequence[Changed]) -> tuple[Tables, list[str]]:
    """Return tables without rows that changed and those that point to what did, and which."""
    rows = dict(found.rows)
    blocks, marks = rows[schema.BLOCKS], rows[schema.MARKERS]
    changed = {name: _mask(len(each), changes, name) for name, each in rows.items()}
    bad_scales = np.flatnonzero(changed[schema.SCALES])
    bad = {
        schema.BLOCKS: changed[schema.BLOCKS] | np.isin(blocks["scale_row"], bad_scales),
        schema.MARKERS: changed[schema.MARKERS]
        | _touching(marks["offset"], marks["length"], changed[schema.MARKER_JSON]),
        schema.READINGS: changed[schema.READINGS] | changed[schema.SLOW_CHANNELS].any(),
    }
    left_out = []
    for name, mask in bad.items():
        n = int(np.count_nonzero(mask))
        if not n:
            continue
        if name == schema.BLOCKS and n == len(mask):
            raise ValueError("its blocks, or what they point to, changed since they were recorded")
        rows[name] = rows[name][~mask]
        gap = "; there is a gap in their place" if name == schema.BLOCKS else ""
        left_out.append(
            f"{n} of {len(mask)} {name} changed since they were recorded, or what they point to;"
            f" they are left out{gap}"
        )
    if changed[schema.SLOW_CHANNELS].any():
        rows[schema.SLOW_CHANNELS] = rows[schema.SLOW_CHANNELS][:0]
        left_out.append("its slow channels changed since they were recorded; they are left out")
    return replace(found, rows=rows), left_out


def _mask(n: int, changes: Iterable[Changed], name: str) -> NDArray[np.bool_]:
    """Return which of a table's rows changed."""
    mask = np.zeros(n, np.bool_)
    for each in changes:
        if each.name == name:
            mask[each.first : each.stop] = True
    return mask


def _touching(
    begins: NDArray[np.integer], lengths: NDArray[np.integer], changed: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return which of the ranges hold something that changed; of those outside, none does."""
    before = np.concatenate(([0], np.cumsum(changed)))
    first = np.clip(begins, 0, changed.size)
    last = np.clip(begins + lengths, first, changed.size)
    return np.asarray(before[last] > before[first])
