"""The remote commands that LeCroy made before SCPI, as its scopes and older Siglents have them.

A header is ``C1:VDIV``, without a path that goes on, and stands before every reply until
``CHDR OFF``.
"""

from __future__ import annotations

from monitor.bench.scope.panel import DIVISIONS, ChannelState
from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.inputs import InputCommands
from monitor.bench.vendors.interpreter import channel_of
from monitor.bench.vendors.scpi import (
    Call,
    Handler,
    ScpiError,
    Unit,
    choice,
    number,
    setting,
    within,
)
from monitor.bench.vendors.scpi import units as scpi_units

TIMEBASES = tuple(m * 10.0**e for e in range(-10, 4) for m in (1, 2, 5))
"""Seconds a division that there are."""

_COUPLINGS = {"D1M": "DC", "D50": "DC", "A1M": "AC", "GND": "GND"}


def commands(message: str) -> list[Unit]:
    """Split a message into commands, each of which begins at the root."""
    return [unit for part in message.split(";") for unit in scpi_units(part)]


class Headers:
    """Whether and how the header of a query stands before its reply.

    Parameters
    ----------
    scope
        Whose inputs have units.
    units
        By header of any other query: what stands behind its number while headers are on.
    """

    def __init__(self, scope: Scope, units: dict[str, str]) -> None:
        self._scope = scope
        self._units = units
        self.reset()

    def reset(self) -> None:
        """Switch on."""
        self.mode = "SHORT"

    def handlers(self) -> dict[str, Handler]:
        """Return the commands that switch them."""
        return setting(":CHDR", self._switch, lambda call: self.mode)

    def _switch(self, call: Call) -> None:
        self.mode = choice(call.argument(), "SHORT", "LONG", "OFF")

    def before(self, call: Call) -> str:
        """Return what stands before the reply to a query."""
        if self.mode == "OFF":
            return ""
        header = call.header.strip(":?")
        for suffix in call.suffixes:
            header = header.replace("<n>", str(suffix), 1)
        return header + " "

    def answer(self, call: Call, reply: str | bytes) -> str | bytes:
        """Return a reply as it is sent."""
        if isinstance(reply, bytes):
            return self.before(call).encode() + reply
        if self.mode == "OFF":
            return reply
        unit = self._units.get(call.header, "")
        if call.header in {":C<n>:VDIV?", ":C<n>:OFST?"}:
            unit = channel_of(self._scope, call).units[0]
        return self.before(call) + reply + unit


class Inputs:
    """The commands of the inputs."""

    def __init__(self, scope: Scope) -> None:
        self._input = InputCommands(scope)

    def handlers(self) -> dict[str, Handler]:
        """Return them by header."""
        at = self._input.at
        return {
            **setting(
                ":C<n>:TRA", self._input.switch, lambda call: "ON" if at(call).display else "OFF"
            ),
            **setting(
                ":C<n>:VDIV", self._input.set_scale, lambda call: nr3(at(call).range / DIVISIONS)
            ),
            **setting(":C<n>:OFST", self._input.set_shift, lambda call: nr3(-at(call).middle)),
            **setting(
                ":C<n>:ATTN",
                lambda call: self._input.attach(call, 1e-3, 1e4),
                lambda call: f"{at(call).probe:g}",
            ),
            **setting(":C<n>:CPL", self._couple, lambda call: self._coupling(at(call))),
        }

    def _couple(self, call: Call) -> None:
        self._input.at(call).coupling = _COUPLINGS[choice(call.argument(), *_COUPLINGS)]

    def _coupling(self, channel: ChannelState) -> str:
        return next(word for word, meant in _COUPLINGS.items() if meant == channel.coupling)


class Trigger:
    """The trigger, which never finds an edge: a single record waits until it is forced."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.reset()

    def reset(self) -> None:
        """Stop; nothing is acquired before it is asked for."""
        self.mode = "STOP"

    @property
    def is_armed(self) -> bool:
        """Return whether it waits for an edge."""
        return self.mode in {"SINGLE", "NORM"} and not self._scope.running

    def handlers(self) -> dict[str, Handler]:
        """Return its commands by header."""
        return {
            **setting(":TRMD", self._set_mode, lambda call: self._shown()),
            ":ARM": lambda call: self._take("SINGLE"),
            ":STOP": lambda call: self._take("STOP"),
            ":FRTR": lambda call: self._force(),
        }

    def _shown(self) -> str:
        return self.mode if self.mode != "FORCED" or self._scope.running else "STOP"

    def _set_mode(self, call: Call) -> None:
        self._take(choice(call.argument(), "AUTO", "NORM", "SINGLE", "STOP"))

    def _take(self, mode: str) -> None:
        self.mode = mode
        if mode == "AUTO":
            self._scope.run()
        else:
            self._scope.stop()

    def _force(self) -> None:
        """Take one record."""
        if not self._scope.running:
            self.mode = "FORCED"
            self._scope.single()


def timebase_of(call: Call) -> float:
    """Return the timebase that a scope sets when it is asked for another: the next longer one."""
    wanted = within(number(call.argument()), TIMEBASES[0], 1000.0)
    return next(step for step in TIMEBASES if step >= wanted * (1 - 1e-9))


def transfer(call: Call) -> dict[str, int]:
    """Return what ``WFSU`` says: every how many points, how many and from which, as pairs."""
    if len(call.arguments) % 2:
        raise ScpiError(-109, "Missing parameter")
    pairs = zip(call.arguments[::2], call.arguments[1::2], strict=True)
    return {
        choice(name, "SP", "NP", "FP", "SN"): round(within(number(value), 0, 1e9))
        for name, value in pairs
    }


def nr3(value: float) -> str:
    """Return a real number as these scopes print it."""
    return f"{value:.2E}"
