"""What instruments announce by mDNS."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from typing import Any

import zeroconf

from monitor.setup.candidate import Candidate, Found, Note

_HISLIP_PORT, _PORTMAPPER_PORT, _VICP_PORT = 4880, 111, 1861  # of IANA
_BROWSE_S = 2.2  # queries go out at once and after about a second
_RESOLVE_MS = 900.0
_PLUGS = ("shelly", "tasmota")
_TYPES = {
    "_hislip._tcp.local.": 0,
    "_scpi-raw._tcp.local.": 1,
    "_vxi-11._tcp.local.": 2,
    "_vicp._tcp.local.": 3,
    "_lxi._tcp.local.": 4,
    "_shelly._tcp.local.": 5,
    "_http._tcp.local.": 6,
}
"""Service types, and how much each is preferred for measuring; lower is better."""


def search_mdns(found: Found, stopped: threading.Event) -> None:
    """Tell of each instrument that announces itself; blocking, for about two seconds."""
    try:
        net = zeroconf.Zeroconf(interfaces=zeroconf.InterfaceChoice.All)
    except OSError as error:
        found(Note("mDNS", f"mDNS cannot be used: {error.strerror or error}"))
        return
    with contextlib.closing(net):
        listener = _Listener(net, found)
        browser = zeroconf.ServiceBrowser(net, list(_TYPES), listener=listener)
        stopped.wait(_BROWSE_S)
        browser.cancel()


class _Listener(zeroconf.ServiceListener):
    """Resolves each service on a thread of its own: one that is gone delays no other."""

    def __init__(self, net: zeroconf.Zeroconf, found: Found) -> None:
        self._net = net
        self._found = found

    def add_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:
        threading.Thread(target=self._resolve, args=(type_, name), daemon=True).start()

    def update_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:
        pass

    def remove_service(self, zc: zeroconf.Zeroconf, type_: str, name: str) -> None:
        pass

    def _resolve(self, kind: str, name: str) -> None:
        with contextlib.suppress(Exception):  # the search ended meanwhile
            info = self._net.get_service_info(kind, name, timeout=round(_RESOLVE_MS))
            if info is None or info.port is None:
                return
            instance = name.removesuffix("." + kind)
            hosts = info.parsed_addresses(zeroconf.IPVersion.V4Only)
            for candidate in candidates(kind, instance, hosts[:1], info.port, info.properties):
                self._found(candidate)


def candidates(
    kind: str, instance: str, hosts: list[str], port: int, properties: dict[bytes, Any]
) -> list[Candidate]:
    """Return where an announced service may be asked, as VISA addresses.

    Parameters
    ----------
    kind
        Service type, e.g. ``_hislip._tcp.local.``.
    instance
        Its name; the same for all services of an instrument.
    hosts
        IPv4 addresses.
    port
        TCP.
    properties
        The text record: LXI devices tell manufacturer and model there.
    """
    is_plug = any(word in instance.lower() for word in _PLUGS)
    if kind == "_http._tcp.local." and not is_plug:
        return []
    made: list[Candidate] = []
    for host in hosts:
        if not _is_ipv4(host):
            continue
        for address in _addresses(kind, host, port):
            made.append(
                Candidate(
                    key=f"mdns {instance}",
                    address=address,
                    host=host,
                    found_by="mDNS",
                    name=_name(properties) or instance,
                    rank=_TYPES.get(kind, 9),
                    is_told=kind != "_lxi._tcp.local.",
                    kind="plug" if is_plug or kind == "_shelly._tcp.local." else "",
                )
            )
    return made


def _addresses(kind: str, host: str, port: int) -> tuple[str, ...]:
    match kind:
        case "_hislip._tcp.local.":
            name = "hislip0" if port == _HISLIP_PORT else f"hislip0,{port}"
            return (f"TCPIP::{host}::{name}::INSTR",)
        case "_scpi-raw._tcp.local.":
            return (f"TCPIP::{host}::{port}::SOCKET",)
        case "_vxi-11._tcp.local.":
            where = host if port == _PORTMAPPER_PORT else f"{host},{port}"
            return (f"TCPIP::{where}::inst0::INSTR",)
        case "_vicp._tcp.local.":
            return (f"VICP::{host}::INSTR",) if port == _VICP_PORT else ()
        case "_lxi._tcp.local.":  # a web page; what else it has is not said
            return (
                f"TCPIP::{host}::inst0::INSTR",
                f"TCPIP::{host}::5025::SOCKET",
                f"VICP::{host}::INSTR",
            )
        case _:
            return (f"http://{host}" + (f":{port}" if port != 80 else ""),)


def _name(properties: dict[bytes, Any]) -> str:
    texts = {
        key.decode("ascii", "replace").lower(): value.decode("utf-8", "replace")
        for key, value in properties.items()
        if isinstance(value, bytes)
    }
    return " ".join(texts[word] for word in ("manufacturer", "model") if texts.get(word))


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
