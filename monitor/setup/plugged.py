"""What is plugged into this computer: USB test instruments and serial ports."""

from __future__ import annotations

import contextlib
import grp
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import usb.core
from serial.tools import list_ports

from monitor.setup.candidate import Candidate, Found, Note

_TEST_CLASS, _TEST_SUBCLASS = 0xFE, 3  # USB Test and Measurement Class, revision 1.0
_STM_SERIAL = (0x0483, 0x5740)  # the virtual serial port of STM32 chips, PMD-USB among them
_RULES = Path("/etc/udev/rules.d")


def search_usb(found: Found, stopped: threading.Event) -> None:
    """Tell of each USB test instrument, whether or not it may be opened."""
    try:
        devices = list(usb.core.find(find_all=True, custom_match=is_test_instrument) or ())
    except usb.core.NoBackendError:
        found(
            Note(
                "USB",
                "USB instruments are not looked for: libusb is missing",
                "sudo apt install libusb-1.0-0",
            )
        )
        return
    except usb.core.USBError as error:
        found(Note("USB", f"USB instruments are not looked for: {error}"))
        return
    for device in devices:
        if not stopped.is_set():
            found(usb_candidate(device))


def search_serial(found: Found, stopped: threading.Event) -> None:
    """Tell of each serial port that is a USB device."""
    for port in list_ports.comports():
        if port.vid is not None and not stopped.is_set():
            found(serial_candidate(port))


def is_test_instrument(device: Any) -> bool:
    """Return whether a USB device has an interface of the test and measurement class."""
    with contextlib.suppress(usb.core.USBError, NotImplementedError):
        return any(
            interface.bInterfaceClass == _TEST_CLASS
            and interface.bInterfaceSubClass == _TEST_SUBCLASS
            for configuration in device
            for interface in configuration
        )
    return False


def _may_write(path: str) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


def usb_candidate(device: Any, may_open: Callable[[str], bool] = _may_write) -> Candidate:
    """Return a USB instrument; without permission, with the rule that gives it."""
    vendor, product = f"{device.idVendor:04x}", f"{device.idProduct:04x}"
    node = f"/dev/bus/usb/{device.bus:03d}/{device.address:03d}"
    texts: list[str] = []
    serial = ""
    if may_open(node):
        with contextlib.suppress(usb.core.USBError, ValueError, NotImplementedError):
            serial = device.serial_number or ""
            texts = [text for text in (device.manufacturer, device.product) if text]
    parts = ["USB0", f"0x{vendor}", f"0x{product}", serial, "0", "INSTR"]
    rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", MODE="0666"'
    is_open = may_open(node)
    return Candidate(
        key=f"usb {node}",
        address="::".join(parts),
        found_by="USB",
        name=" ".join(texts) or f"USB test instrument {vendor}:{product}",
        problem="" if is_open else f"this user may not open {node}",
        fix=""
        if is_open
        else f"echo '{rule}' | sudo tee {_RULES}/70-wattstage-{vendor}.rules && sudo udevadm"
        " control --reload && sudo udevadm trigger; then plug it in again",
    )


def serial_candidate(port: Any, may_open: Callable[[str], bool] = _may_write) -> Candidate:
    """Return a serial port; without permission, with the command that gives it."""
    name = " ".join(text for text in (port.manufacturer, port.product) if text)
    if (port.vid, port.pid) == _STM_SERIAL:
        name = f"{name or 'STM32 serial port'}; ElmorLabs PMD-USB has such a port"
    is_open = may_open(port.device)
    return Candidate(
        key=f"serial {port.device}",
        address=port.device,
        found_by="serial",
        name=name or f"USB serial port {port.vid:04x}:{port.pid:04x}",
        kind="serial",
        problem="" if is_open else f"this user may not open {port.device}",
        fix="" if is_open else f'sudo usermod -aG {_group(port.device)} "$USER"; then log in again',
    )


def _group(path: str) -> str:
    with contextlib.suppress(OSError, KeyError):
        return grp.getgrgid(Path(path).stat().st_gid).gr_name
    return "dialout"
