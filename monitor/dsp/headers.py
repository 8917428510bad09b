"""What senders tell of themselves and of the run that they belong to."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.dsp import clocks
from monitor.model import Edge, Marker

STAGE = "header"
"""Of the points that tell it."""
CONFIG = "config"
"""Of the points that tell what a run resolved its configuration to."""
_STANDING = {clocks.STAGE, STAGE, CONFIG}


def stands(marker: Marker) -> bool:
    """Return whether a marker holds for a whole run, wherever in time it lies."""
    return marker.edge is Edge.INSTANT and marker.stage in _STANDING


class Headers:
    """The newest header of each sender."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], Marker] = {}
        self.n_taken = 0

    def take(self, marker: Marker) -> bool:
        """Take a header; return False if it is anything else."""
        if marker.stage != STAGE or marker.edge is not Edge.INSTANT or not marker.sender:
            return False
        self.n_taken += 1
        self._newest[marker.run_id, marker.sender] = marker
        return True

    def of(self, run_id: str) -> Iterable[Marker]:
        """Return the headers of a run, in the order in which their senders came."""
        return (marker for (run, _), marker in self._newest.items() if run == run_id)
