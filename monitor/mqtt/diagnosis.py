"""Why a broker does not let us in: one look at what is there, by hand.

MQTT libraries tell an exception of the socket, or nothing at all where the broker refuses a client
certificate: by TLS 1.3 it does so after its part of the handshake. Here each step is our own.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from types import MappingProxyType

from monitor.errors import BrokerError
from monitor.mqtt import tls
from monitor.mqtt.address import PASSWORD, Address

_WAIT_S = 3.0
_REFUSAL_S = 0.2
_CONNACK_BYTES = 4
_TLS_ALERT = 0x15  # RFC 8446, 5.1: first byte of a record that is an alert
_CONNACK = 0x20
_DISCONNECT = b"\xe0\x00"
_CERTIFICATE = MappingProxyType(
    {  # of OpenSSL's X509_V_ERR_
        7: (
            "is signed by an authority that is not ours",
            "name the authority that signed it (ca, or WATTSTAGE_CA)",
        ),
        9: ("is not valid yet", "set this computer's clock, or the broker's when it is made"),
        10: ("has expired", "renew it at the broker, or set this computer's clock"),
        18: ("is signed by itself", "name it as the authority (ca, or WATTSTAGE_CA)"),
        19: (
            "is signed by an authority that is not ours",
            "name the authority that signed it (ca, or WATTSTAGE_CA)",
        ),
        20: (
            "is signed by an authority that is not ours",
            "name the authority that signed it (ca, or WATTSTAGE_CA)",
        ),
        23: ("has been revoked", "renew it at the broker"),
    }
)
_NAMES = (62, 64)  # the host name, the IP address does not match
_REFUSED = MappingProxyType(
    {  # MQTT 3.1.1, 3.2.2.3
        1: ("it does not speak MQTT 3.1.1", "use a broker that does, such as mosquitto"),
        2: ("it does not allow our identifier", "allow clients of any identifier there"),
        3: ("it is not available just now", "look at the broker's own log"),
    }
)


def check(where: Address, identifier: str) -> None:
    """Connect to a broker, log in and hang up; blocking, for some seconds at most.

    Parameters
    ----------
    where
        The broker.
    identifier
        Of the client that will connect next; another would be one more that amqtt remembers.

    Raises
    ------
    BrokerError
        If it does not let us in: why, and what to do after a ``;``.
    ConfigError
        If a certificate or key of ours cannot be used.
    """
    with _dialled(where) as plain:
        if not where.tls:
            _greet(where, plain, identifier)
            return
        made = tls.context(where)
        try:
            link = made.wrap_socket(plain, server_hostname=where.host)
        except ssl.SSLCertVerificationError as error:
            raise _distrusted(where, error) from error
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise _no_tls(where, error) from error
        with link:
            _greet(where, link, identifier)


def _dialled(where: Address) -> socket.socket:
    try:
        return socket.create_connection((where.host, where.port), _WAIT_S)
    except (socket.gaierror, UnicodeError) as error:
        raise _found(
            f"the name {where.host!r} is not known",
            "correct it, or give the broker's IP address",
        ) from error
    except ConnectionRefusedError as error:
        raise _found(
            f"connection refused: nothing listens at port {where.port} there",
            "start a broker there, or name another (--broker mqtt://HOST[:PORT], markers.broker)",
        ) from error
    except OSError as error:
        said = error.strerror or f"no answer in {_WAIT_S:g} s"
        raise _found(
            f"it cannot be reached: {said.lower()}", "check the network and the firewall between"
        ) from error


def _distrusted(where: Address, error: ssl.SSLCertVerificationError) -> BrokerError:
    if error.verify_code in _NAMES:
        return _found(
            f"expected a certificate for {where.host!r}, got one for other names",
            "connect by a name that is in it, or make one for this name too (subjectAltName)",
        )
    known = (f"is not accepted: {error.verify_message}", "make it anew")
    what, fix = _CERTIFICATE.get(error.verify_code, known)
    by = "the system's authorities" if where.ca is None else str(where.ca)
    return _found(f"the broker's certificate {what} (checked against {by})", fix)


def _no_tls(where: Address, error: Exception) -> BrokerError:
    alert = _alert(error)
    if alert is not None:
        return alert
    return _found(
        f"expected TLS at port {where.port}, got something else, as from a broker without TLS"
        f" ({_short(error)})",
        "give the broker's port for TLS (8883 as a rule), or write mqtt:// if nothing is secret",
    )


def _alert(error: Exception) -> BrokerError | None:
    """Return what the broker says of our certificate; None if it says nothing."""
    reason = (getattr(error, "reason", None) or "").upper()
    if "ALERT" not in reason:
        return None
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return _found(
            "the broker wants a certificate from us, and got none",
            "name ours and its key (certificate and key, or WATTSTAGE_CERT and WATTSTAGE_KEY)",
        )
    if "UNKNOWN_CA" in reason or "DECRYPT_ERROR" in reason:  # the latter if its name is the same
        return _found(
            "the broker does not know the authority that signed our certificate",
            "have ours signed by the broker's (its cafile), or give it that of ours",
        )
    if "EXPIRED" in reason:
        return _found("our certificate has expired, says the broker", "have it signed anew")
    said = reason.partition("ALERT_")[2].replace("_", " ").lower()
    return _found(
        f"the broker refuses our side of TLS: {said}",
        "check our certificate, and what the broker's log says of it",
    )


def _greet(where: Address, link: socket.socket, identifier: str) -> None:
    """Log in, and raise unless that is accepted."""
    try:
        if where.tls:
            _hear_out(link)
        link.sendall(_connect(where, identifier))
        answer = link.recv(_CONNACK_BYTES)
        while 0 < len(answer) < _CONNACK_BYTES and answer[0] == _CONNACK:
            more = link.recv(_CONNACK_BYTES - len(answer))
            if not more:
                break
            answer += more
    except TimeoutError as error:
        raise _found(
            f"expected an MQTT broker, got no answer in {_WAIT_S:g} s",
            "check the port, and whether it expects TLS (mqtts://)",
        ) from error
    except OSError as error:
        raise (_alert(error) or _hung_up(where)) from error
    if not answer or answer[0] == _TLS_ALERT:
        raise _hung_up(where)
    if len(answer) < _CONNACK_BYTES or answer[0] != _CONNACK:
        raise _found(
            "expected an MQTT broker, got an answer of something else", "check host and port"
        )
    if answer[3]:
        raise _refused(where, answer[3])
    with contextlib.suppress(OSError):
        link.sendall(_DISCONNECT)


def _hear_out(link: socket.socket) -> None:
    """Give a broker time to refuse our certificate, before what we send is refused without a word.

    By TLS 1.3 it looks at the certificate when our side of the handshake is over.
    """
    link.settimeout(_REFUSAL_S)
    with contextlib.suppress(TimeoutError):
        link.recv(1)
    link.settimeout(_WAIT_S)


def _hung_up(where: Address) -> BrokerError:
    if where.tls:
        return _found(
            "the broker hung up when we logged in",
            "check our certificate, and what the broker's log says",
        )
    return _found(
        f"expected MQTT without TLS at port {where.port}, got hung up on, as by a broker that wants"
        " TLS",
        "write mqtts://, or give the port without TLS (1883 as a rule)",
    )


def _refused(where: Address, code: int) -> BrokerError:
    if code in _REFUSED:
        return _found(*_REFUSED[code])
    if where.user is None:
        return _found(
            "the broker lets nobody in without a name",
            f"name the user (mqtt://USER@HOST, or user) and its password (password_file, or"
            f" {PASSWORD})",
        )
    if where.password is None:
        return _found(
            f"the broker does not let {where.user!r} in without a password",
            f"give it (password_file, or {PASSWORD})",
        )
    return _found(
        f"the broker refuses user {where.user!r} with the password that was given",
        f"correct one of them (password_file, or {PASSWORD}); mosquitto_passwd sets it at the"
        " broker",
    )


def _connect(where: Address, identifier: str) -> bytes:
    """Return the packet that logs in: MQTT 3.1.1, clean, 5 s."""
    flags, texts = 0x02, [identifier.encode()]
    if where.user is not None:
        flags |= 0x80
        texts.append(where.user.encode())
        if where.password is not None:
            flags |= 0x40
            texts.append(where.password.encode())
    said = b"\x00\x04MQTT\x04" + bytes([flags]) + b"\x00\x05"
    said += b"".join(len(text).to_bytes(2, "big") + text for text in texts)
    return b"\x10" + _length(len(said)) + said


def _found(what: str, fix: str) -> BrokerError:
    return BrokerError(f"{what}; {fix}")


def _length(n: int) -> bytes:
    made = bytearray()
    while True:
        n, part = divmod(n, 128)
        made.append(part | (0x80 if n else 0))
        if not n:
            return bytes(made)


def _short(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return str(reason).replace("_", " ").lower()
