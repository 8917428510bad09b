"""What the terminal says of how late slow power channels are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from monitor import slow_text
from monitor.analysis.lags import ChannelLag
from monitor.dsp.trailing import Shape
from monitor.units import give_or_take, si


@dataclass(frozen=True, slots=True)
class LagText:
    """What is known of each channel, a paragraph each."""

    found: Sequence[ChannelLag]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Yield the paragraphs."""
        if not self.found:
            yield "no slow channel of this recording is a power"
        names = slow_text.names([each.channel for each in self.found])
        for name, each in zip(names, self.found, strict=True):
            yield Text(f"{name}, by {each.channel.source}", style="bold")
            yield Text(f"  {_sentence(each)}")


def _sentence(each: ChannelLag) -> str:
    found = each.lag
    if found is None:
        return f"not known: {each.why}"
    delay = give_or_take(abs(found.delay_s), found.delay_uncertainty_s, "s")
    window = give_or_take(found.window_s, found.window_uncertainty_s, "s")
    over = f"a mean of {window}" if found.shape is Shape.BOXCAR else f"a time constant of {window}"
    if found.window_s < 2 * found.window_uncertainty_s:
        over = f"a mean of no more than {si(found.window_s + 2 * found.window_uncertainty_s, 's')}"
    offset = si(abs(found.offset_w), "W")
    return (
        f"{delay} {'behind' if found.delay_s >= 0 else 'ahead of'} the samples, {over};"
        f" shows {found.gain:.3f} of their power {'+' if found.offset_w >= 0 else '−'} {offset};"
        f" correlation {math.floor(found.correlation * 1000) / 1000:.3f}"
        f" over {found.n_readings} readings"
    )
