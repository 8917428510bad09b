"""Texts without the names and passwords that are in their URLs."""

from __future__ import annotations

import re

# Up to the last @ before the path: a password may contain one, though it should be written %40.
_LOGIN = re.compile(r"(?<=://)[^/\s\"'<>]*@")


def masked(text: str) -> str:
    """Return a text in which no URL says who logs in, and with what."""
    return _LOGIN.sub("", text)
