"""Certificates and keys for a connection to a broker, checked before they are used."""

from __future__ import annotations

import ssl
from pathlib import Path

from monitor.errors import ConfigError
from monitor.mqtt.address import Address

_CA = "the authority's certificate"
_OURS = "our certificate"
_KEY = "our key"


def context(where: Address) -> ssl.SSLContext:
    """Return how to speak TLS with a broker: its certificate and name are always checked.

    Reads files; blocking.

    Raises
    ------
    ConfigError
        If a file is missing or is not what it should be, or the key belongs to another certificate.
    """
    for what, file in ((_CA, where.ca), (_OURS, where.certificate), (_KEY, where.key)):
        if file is not None:
            _check_readable(where, what, file)
    made = ssl.create_default_context(cafile=None if where.ca is None else _ca(where, where.ca))
    if where.certificate is not None:
        _show(made, where, where.certificate, where.key)
    elif where.key is not None:
        raise ConfigError(
            f"broker {where}: expected a certificate beside the key {where.key}, got none; name it"
            " (certificate, or WATTSTAGE_CERT)"
        )
    return made


def _check_readable(where: Address, what: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(
            f"broker {where}: the file of {what}, {file}, cannot be read: {error.strerror};"
            " correct its name in the settings or the environment"
        ) from error


def _ca(where: Address, file: Path) -> Path:
    """Return the file of an authority, once it is known to hold one."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError as error:
        raise ConfigError(
            f"broker {where}: expected a certificate in PEM in {file}, got something else"
            f" ({_reason(error)}); give the file that the authority was made as (ca.crt)"
        ) from error
    return file


def _show(made: ssl.SSLContext, where: Address, certificate: Path, key: Path | None) -> None:
    def passphrase() -> str:
        raise ConfigError(
            f"broker {where}: expected a key without a passphrase, got one with; `openssl pkey -in"
            f" {key or certificate} -out NEW` makes it, and chmod 600 protects it"
        )

    try:
        made.load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"broker {where}: expected the key of {certificate}, got that of another"
                f" certificate in {key or certificate}; give the two that were made together"
            ) from error
        raise ConfigError(
            f"broker {where}: expected a certificate in {certificate} and its key in"
            f" {key or certificate}, both in PEM, got something else ({_reason(error)}); name the"
            " files that were made together (certificate, key)"
        ) from error


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "nothing in PEM").replace("_", " ").lower()
