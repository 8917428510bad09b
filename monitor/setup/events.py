"""What setting up tells a program: one JSON object a line (docs/reference/setup-json.md)."""

from __future__ import annotations

import math
import sys
from typing import Any, TextIO

import msgspec


def tell(event: str, /, _value: Any = None, _out: TextIO | None = None, **fields: Any) -> None:
    """Write one event at once.

    Parameters
    ----------
    event
        Its name.
    _value
        A struct or dataclass whose fields become the event's.
    fields
        Further ones. What is not finite becomes null.
    """
    body = {} if _value is None else msgspec.to_builtins(_value)
    out = sys.stdout if _out is None else _out
    line = msgspec.json.encode({"event": event, **_finite({**body, **fields})})
    out.write(line.decode() + "\n")
    out.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
