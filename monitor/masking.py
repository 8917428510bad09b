"""Texts without the names and passwords that are in their URLs."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(://)[^/\s\"'<>]*@")
# Of a broker's URL up to the last @: in a password, / and @ and quotes should be written %2F, %40
# and so on, and who forgets that wants it no less to be a secret.
_BROKERS = re.compile(r"\b(mqtts?://)\S*@", re.IGNORECASE)


def masked(text: str) -> str:
    """Return a text in which no URL says who logs in, and with what."""
    return _LOGIN.sub(r"\1", _BROKERS.sub(r"\1", text))
