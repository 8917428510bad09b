"""The settings of a scope's inputs, as the commands of most vendors change them."""

from __future__ import annotations

from monitor.bench.scope.panel import DIVISIONS, ChannelState
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.interpreter import channel_of
from monitor.bench.vendors.scpi import Call, boolean, choice, number, within


class InputCommands:
    """What is done to the input that the first number of a header names."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def at(self, call: Call) -> ChannelState:
        """Return that input."""
        return channel_of(self._scope, call)

    def switch(self, call: Call) -> None:
        """Show it, or not."""
        self.at(call).display = boolean(call.argument())

    def set_scale(self, call: Call) -> None:
        """Set the units of a division."""
        self.set_range(call, DIVISIONS)

    def set_range(self, call: Call, factor: float = 1.0) -> None:
        """Set the units of the whole height, or of its ``factor``-th part."""
        self.at(call).range = within(number(call.argument()) * factor, 1e-6, 1e6)

    def set_offset(self, call: Call) -> None:
        """Set the units in the middle."""
        self.at(call).offset = within(number(call.argument()), -1e6, 1e6)

    def set_shift(self, call: Call) -> None:
        """Set by how many units the trace is shifted up."""
        channel = self.at(call)
        channel.offset = -within(number(call.argument()), -1e6, 1e6)
        channel.position_div = 0.0

    def attach(self, call: Call, least: float, most: float) -> None:
        """Set the probe factor."""
        self.at(call).attach(within(number(call.argument()), least, most))

    def couple(self, call: Call) -> None:
        """Set the coupling."""
        self.at(call).coupling = choice(call.argument(), "AC", "DC", "GND")
