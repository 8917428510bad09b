"""The instruments that can stand on the bench, by the name of their dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Protocol

from monitor.bench.scope.scope import Scope
from monitor.bench.vendors.infiniivision import InfiniiVision
from monitor.bench.vendors.lecroy import LeCroyScope
from monitor.bench.vendors.rigol import RigolScope
from monitor.bench.vendors.rohde_schwarz import HMO2024, RohdeSchwarzScope
from monitor.bench.vendors.scpi import Answer
from monitor.bench.vendors.siglent import SiglentScope
from monitor.bench.vendors.siglent_legacy import SiglentLegacyScope
from monitor.bench.vendors.tektronix import TektronixScope


class Instrument(Protocol):
    """An instrument as all its connections see it: settings, status and errors are shared."""

    @property
    def scope(self) -> Scope:
        """Return what acquires."""
        ...

    async def execute(self, message: str) -> list[Answer]:
        """Do what a message says and return the replies to its queries, in order.

        A reply that is an iterator gives blocks as they are ready, until the next message.
        """
        ...

    def power_cycle(self) -> None:
        """Switch off and on: records, errors and what the interface was set to are gone."""
        ...


INSTRUMENTS: Mapping[str, Callable[[Scope], Instrument]] = MappingProxyType(
    {
        "hameg": partial(RohdeSchwarzScope, model=HMO2024),
        "keysight": InfiniiVision,
        "lecroy": LeCroyScope,
        "rigol": RigolScope,
        "rohde-schwarz": RohdeSchwarzScope,
        "siglent": SiglentScope,
        "siglent-legacy": SiglentLegacyScope,
        "tektronix": TektronixScope,
    }
)
