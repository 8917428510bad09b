"""What is kept of each block of exported codes, so that an import makes the same again."""

from __future__ import annotations

from typing import Any

from monitor.model import Block, Scale


class Blocks:
    """The blocks that passed."""

    def __init__(self) -> None:
        self._scales: dict[tuple[Scale, ...], int] = {}
        self._rows: list[tuple[int, int, int, int, tuple[int, ...], int]] = []

    def add(self, block: Block) -> int:
        """Take a block; return the number of its scales."""
        number = self._scales.setdefault(block.scales, len(self._scales))
        host = block.host_ns, block.host_uncertainty_ns
        self._rows.append((block.start, block.n_samples, *host, block.clipped, number))
        return number

    def told(self) -> dict[str, Any]:
        """Return, for the description, gains and offsets by number, and a row per block.

        A row is the start, the length, the host's time and its uncertainty, the clipped samples
        of each signal, and the number of the scales.
        """
        scales = [[[scale.gain, scale.offset] for scale in each] for each in self._scales]
        return {"scales": scales, "blocks": self._rows}
