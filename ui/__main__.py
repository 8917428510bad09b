"""The window's process: ``python -m ui``, started by the ``wattstage`` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from monitor.errors import WattstageError
from ui.app import run, set_up


def main() -> None:
    """Show what the arguments name; an error that we raise on purpose is one sentence."""
    parser = argparse.ArgumentParser(prog="python -m ui", description=__doc__)
    parser.add_argument("--endpoint", help="of a running engine")
    parser.add_argument("--recording", type=Path, help="a file to browse")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--setup", action="store_true", help="write the profile to measure with")
    parser.add_argument("--address", help="of the instrument to set up")
    parser.add_argument("--out", type=Path, help="profile to write")
    options = vars(parser.parse_args())
    setup = {name: options.pop(name) for name in ("address", "out")}
    try:
        if options.pop("setup"):
            sys.stdout.write(str(set_up(theme=options["theme"], **setup) or ""))
            return
        sys.exit(run(**options))
    except WattstageError as error:
        sys.exit(f"wattstage: {error}")


if __name__ == "__main__":
    main()
