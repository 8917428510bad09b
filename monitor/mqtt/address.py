"""Where a broker is, read from its URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from monitor.errors import ConfigError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's address; as text it shows no password."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    """None connects without a name."""
    password: str | None = field(default=None, repr=False)
    """None connects without a password."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse(url: str) -> Address:
    """Return the address that a URL names.

    Parameters
    ----------
    url
        ``mqtt://[USER:PASSWORD@]HOST[:PORT]``; ``mqtts`` for TLS. The ports are 1883 and 8883
        if not given.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:  # a port that is no port, half an IPv6 address
        raise _wrong(url, str(error)) from error
    if parts.scheme not in _PORTS:
        raise _wrong(url, f"got the scheme {parts.scheme!r}" if parts.scheme else "got no scheme")
    if not parts.hostname:
        raise _wrong(url, "got no host")
    if re.search(r"[\s\x00-\x1f]", parts.hostname):
        raise _wrong(url, f"got the host {parts.hostname!r}")
    if port == 0:
        raise _wrong(url, "got port 0")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise _wrong(url, "got something after the port")
    if parts.password is not None and not parts.username:
        raise _wrong(url, "got a password without a user")
    return Address(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        user=unquote(parts.username) if parts.username else None,
        password=None if parts.password is None else unquote(parts.password),
    )


def _wrong(url: str, what: str) -> ConfigError:
    shown = re.sub(r"//.*@", "//...@", url)
    return ConfigError(
        f"broker address {shown!r}: expected mqtt://[USER:PASSWORD@]HOST[:PORT] or mqtts://..., "
        f"{what}"
    )
