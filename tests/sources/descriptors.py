"""Descriptors as scopes send them, byte by byte from the vendors' tables of positions."""

import struct

# Name of a field, its position and kind: LeCroy's template LECROY_2_3, Siglent's programming guide.
FIELDS = {
    "comm_type": (32, "h"),
    "comm_order": (34, "h"),
    "n_points": (116, "i"),
    "gain": (156, "f"),
    "offset": (160, "f"),
    "max_value": (164, "f"),
    "bits": (172, "h"),
    "interval": (176, "f"),
    "horizontal_offset": (180, "d"),
    "second": (296, "d"),
    "minute": (304, "b"),
    "hour": (305, "b"),
    "day": (306, "b"),
    "month": (307, "b"),
    "year": (308, "h"),
    "probe": (328, "f"),
    "source": (344, "h"),
}


def descriptor(order="<", *, unit=b"V", size=346, magic=b"WAVEDESC", **fields):
    """Return a descriptor with some fields; the others are 0."""
    data = bytearray(346)
    data[:8] = magic
    data[196 : 196 + len(unit)] = unit
    for name, value in fields.items():
        at, kind = FIELDS[name]
        struct.pack_into(order + kind, data, at, value)
    return bytes(data[:size])
