"""The layout of a recording, version 2; docs/reference/file-format.md tells it to other readers."""

from __future__ import annotations

import numpy as np

FORMAT = "wattstage-recording"
SCHEMA_VERSION = 2
OLDEST_VERSION = 1
"""The same without summaries."""

CODES = "codes"
BLOCKS = "blocks"
SCALES = "scales"
MARKERS = "markers"
MARKER_JSON = "marker_json"
READINGS = "readings"
SLOW_CHANNELS = "slow_channels"
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

READING_ROW = np.dtype(
    [
        ("order", "<i8"),
        ("channel", "<i4"),
        ("time_ns", "<i8"),
        ("received_ns", "<i8"),
        ("value", "<f8"),
    ]
)

STATUS_CLOSED = 0
"""Place in the status of 1 once the recorder has ended it as asked."""
STATUS_DROPPED = 1
"""Place in the status of the number of items that it could not write."""
STATUS_GOES_ON = 2
"""Place in the status of 1 if another file holds what follows; files from before there was this
have two places."""
STATUS_LENGTH = 3


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
