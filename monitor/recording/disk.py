"""What a disk says when it takes no more, in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_GONE = (
    errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ECONNABORTED, errno.ECONNRESET,
    errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ESTALE,
    errno.ETIMEDOUT,
)  # fmt: skip
"""What is said of a drive that failed, was pulled out, or is no more in the network."""


def advice(error: BaseException) -> str:
    """Return what to do when the disk did not take something."""
    if _number(error) in _GONE:
        return "Check the drive and its connection, and start a new recording"
    return "Free some space or choose another disk, and start a new recording"


def reason(error: BaseException) -> str:
    """Return in words why the disk did not take something."""
    text, number = str(error), _number(error)
    match number:
        case errno.ENOSPC:
            return "the disk is full"
        case errno.EDQUOT:
            return "the disk quota is used up"
        case errno.EFBIG:
            return "the file may not grow any further"
        case errno.EROFS:
            return "the disk is read-only"
        case errno.ENOENT:
            return "the file was removed"
        case number if number in _GONE:
            return f"the drive is gone or failed ({os.strerror(number)})"
        case None:
            return (text.splitlines() or [type(error).__name__])[0][:200]
    return os.strerror(number)


def _number(error: BaseException) -> int | None:
    """Return the errno; HDF5 has it in its text, if the system told it one."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    digits = str(error).partition("errno = ")[2].partition(",")[0]
    return int(digits) if digits.isdecimal() else None


def why_not_made(path: Path, error: OSError) -> str:
    """Return why a file cannot be made, and what to do."""
    number = error.errno
    if number is None and "file exists" in str(error):  # how HDF5 says it of one that it has open
        number = errno.EEXIST
    match number:
        case errno.EEXIST:
            return f"{path} exists already and is not overwritten; choose another file"
        case errno.ENOENT | errno.ENOTDIR:
            return f"{path} cannot be made: there is no folder {path.parent}; make it first"
        case errno.EACCES | errno.EPERM:
            return f"{path} cannot be made: you may not write to {path.parent}; choose another"
    return f"{path} cannot be made: {reason(error)}; choose another folder"
