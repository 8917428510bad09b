"""The families of scopes that can be spoken to: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from monitor.errors import ConfigError
from monitor.sources.dialect import Dialect
from monitor.sources.dialects.hameg import HAMEG
from monitor.sources.dialects.keysight import INFINIIVISION
from monitor.sources.dialects.lecroy import LECROY
from monitor.sources.dialects.rigol import RIGOL
from monitor.sources.dialects.rohde_schwarz import ROHDE_SCHWARZ
from monitor.sources.dialects.siglent import SIGLENT
from monitor.sources.dialects.siglent_legacy import SIGLENT_LEGACY
from monitor.sources.dialects.tektronix import TEKTRONIX

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        row.id: row
        for row in (
            HAMEG,
            INFINIIVISION,
            LECROY,
            RIGOL,
            ROHDE_SCHWARZ,
            SIGLENT,
            SIGLENT_LEGACY,
            TEKTRONIX,
        )
    }
)
"""By the id that the settings use."""


def spoken_by(identity: str, dialect: str = "auto") -> Dialect | None:
    """Return the row of a scope, with what is different in its model.

    Parameters
    ----------
    identity
        Its reply to ``*IDN?``.
    dialect
        Id of the row; ``auto`` goes by the identity.

    Returns
    -------
    None if no family has that identity.

    Raises
    ------
    ConfigError
        If there is no such id.
    """
    if dialect != "auto" and dialect not in DIALECTS:
        raise ConfigError(
            f"instrument.dialect must be auto or one of {', '.join(DIALECTS)}, got {dialect!r}"
        )
    rows = DIALECTS.values() if dialect == "auto" else (DIALECTS[dialect],)
    for row in rows:
        if dialect != "auto" or row.idn.match(identity):
            return row.of(identity)
    return None
