"""Where a broker is and how to be let in, from its URL, the settings and the environment."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from monitor.errors import ConfigError

logger = logging.getLogger(__name__)

PASSWORD = "WATTSTAGE_MQTT_PASSWORD"  # noqa: S105 (the name of a variable)
"""Environment variable: password of the user that a URL or the settings name."""
CA, CERTIFICATE, KEY = "WATTSTAGE_CA", "WATTSTAGE_CERT", "WATTSTAGE_KEY"
"""Environment variables: files for ``mqtts``."""
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_OTHERS_MAY_READ = 0o044


class Access(Protocol):
    """What settings say of how to be let in by a broker; empty texts say nothing."""

    @property
    def user(self) -> str:
        """Return who we are."""
        ...

    @property
    def password_file(self) -> str:
        """Return the file that contains the password."""
        ...

    @property
    def ca(self) -> str:
        """Return the file with the authority that the broker's certificate is checked against."""
        ...

    @property
    def certificate(self) -> str:
        """Return the file with our own certificate."""
        ...

    @property
    def key(self) -> str:
        """Return the file with the key of our certificate."""
        ...


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
    ca: Path | None = None
    """PEM file of the authority that the broker's certificate is checked against; None takes the
    system's."""
    certificate: Path | None = None
    """PEM file of our own certificate; None shows none."""
    key: Path | None = None
    """PEM file of its key; None looks for it beside the certificate, in the same file."""

    @property
    def is_exposed(self) -> bool:
        """Return whether the password crosses a network that others may listen to."""
        here = self.host in {"localhost", "::1"} or self.host.startswith("127.")
        return self.password is not None and not self.tls and not here

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
    if re.search(r"[\s\x00-\x1f]", url):  # which urlsplit takes out, or leaves in
        raise _wrong(url, "got white space in it")
    try:
        parts = urlsplit(url)
    except ValueError as error:  # half an IPv6 address
        raise _wrong(url, str(error)) from error
    try:
        port = parts.port
    except ValueError as error:  # whose text may be a part of a password
        raise _wrong(
            url,
            "got a port that is no number from 1 to 65535; write / and @ in a password as %2F and"
            " %40",
        ) from error
    if parts.scheme not in _PORTS:
        raise _wrong(url, f"got the scheme {parts.scheme!r}" if parts.scheme else "got no scheme")
    if not parts.hostname:
        raise _wrong(url, "got no host")
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


def reach(url: str, access: Access | None = None) -> Address:
    """Return the address that a URL names, with all that is known of how to be let in.

    What the URL says counts, then the settings, then the environment: ``WATTSTAGE_MQTT_PASSWORD``,
    ``WATTSTAGE_CA``, ``WATTSTAGE_CERT`` and ``WATTSTAGE_KEY``.

    Parameters
    ----------
    url
        As ``parse`` takes it.
    access
        What the settings say; None says nothing.

    Raises
    ------
    ConfigError
        If the URL is wrong, the password file cannot be read, or the settings contradict it.
    """
    found = parse(url)
    if access is not None:
        found = _with_settings(found, access)
    if found.user is not None and found.password is None and PASSWORD in os.environ:
        found = replace(found, password=os.environ[PASSWORD])
    # Together or not at all: a certificate of the settings does not go with the other's key.
    if found.tls and found.ca is None:
        found = replace(found, ca=_path(os.environ.get(CA)))
    if found.tls and found.certificate is None and found.key is None:
        certificate, key = os.environ.get(CERTIFICATE), os.environ.get(KEY)
        found = replace(found, certificate=_path(certificate), key=_path(key))
    return found


def by_environment(url: str) -> str:
    """Return a URL without its password, which this process's environment has from now on.

    So what is started from here gets it, and neither its command line nor a text has it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # parse says so, without the password
        return url
    if parts.password is None:
        return url
    os.environ[PASSWORD] = unquote(parts.password)
    login, _, where = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login.partition(':')[0]}@{where}").geturl()


def _with_settings(found: Address, access: Access) -> Address:
    files = {"ca": access.ca, "certificate": access.certificate, "key": access.key}
    given = [name for name, file in files.items() if file]
    if given and not found.tls:
        raise ConfigError(
            f"broker address {found}: expected mqtts:// since {' and '.join(given)}"
            f" {'is' if len(given) == 1 else 'are'} given, got mqtt://, which encrypts nothing;"
            " write mqtts:// and the broker's port for TLS, or remove the files"
        )
    is_us = not found.user or found.user == (access.user or found.user)
    user = found.user or access.user or None
    if access.password_file and not user:
        raise ConfigError(
            f"broker {found}: expected a user beside password_file, got none; name it (user)"
        )
    password = found.password
    if password is None and is_us and access.password_file:
        password = _read(Path(access.password_file).expanduser())
    return replace(
        found,
        user=user,
        password=password,
        ca=_path(access.ca),
        certificate=_path(access.certificate),
        key=_path(access.key),
    )


def _path(name: str | None) -> Path | None:
    return Path(name).expanduser() if name else None


def _read(file: Path) -> str:
    try:
        password = file.read_text("utf-8").rstrip("\r\n")
        mode = file.stat().st_mode
    except OSError as error:
        raise ConfigError(
            f"password file {file} cannot be read: {error.strerror}; correct password_file, or"
            f" remove it and set {PASSWORD}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"password file {file}: expected a line of UTF-8 text, got other bytes; write it anew"
        ) from error
    if not password or "\n" in password:
        got = "several lines" if password else "nothing"
        raise ConfigError(
            f"password file {file}: expected the password on one line, got {got}; write it anew"
        )
    if mode & _OTHERS_MAY_READ:
        logger.warning("password file %s can be read by others; chmod 600 it", file)
    return password


def _wrong(url: str, what: str) -> ConfigError:
    shown = re.sub(r"//.*@", "//", url, flags=re.DOTALL)
    return ConfigError(
        f"broker address {shown!r}: expected mqtt://[USER:PASSWORD@]HOST[:PORT] or "
        f"mqtts://..., {what}"
    )
