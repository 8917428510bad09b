"""What a disk says when it takes no more, in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def reason(error: BaseException) -> str:
    """Return in words why the disk did not take something."""
    number = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if number is None and "errno = " in text:  # how HDF5 says what the system told it
        digits = text.partition("errno = ")[2].partition(",")[0]
        number = int(digits) if digits.isdecimal() else None
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
        case None:
            return (text.splitlines() or [type(error).__name__])[0][:200]
    return os.strerror(number)


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
