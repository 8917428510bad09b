"""The layout of a recording, version 1. docs/reference/file-format.md tells it to other readers."""

from __future__ import annotations

import numpy as np

FORMAT = "wattstage-recording"
SCHEMA_VERSION = 1

CODES = "codes"
BLOCKS = "blocks"
SCALES = "scales"
MARKERS = "markers"
MARKER_JSON = "marker_json"
STATUS = "status"

MARKER_ROW = np.dtype(
    [
        ("order", "<i8"),
        ("offset", "<i8"),
        ("length", "<i4"),
        ("time_ns", "<i8"),
        ("received_ns", "<i8"),
    ]
)


def block_row(n_channels: int) -> np.dtype[np.void]:
    """Return the dtype of the block table."""
    return np.dtype(
        [
            ("order", "<i8"),
            ("start", "<i8"),
            ("n", "<i8"),
            ("offset", "<i8"),
            ("host_ns", "<i8"),
            ("host_uncertainty_ns", "<i8"),
            ("scale_row", "<i4"),
            ("clipped", "<i4", (n_channels,)),
        ]
    )
