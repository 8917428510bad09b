"""The window's process: ``python -m ui``, started by the ``wattstage`` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from monitor.errors import WattstageError
from ui.app import run


def main() -> None:
    """Show what the arguments name; an error that we raise on purpose is one sentence."""
    parser = argparse.ArgumentParser(prog="python -m ui", description=__doc__)
    parser.add_argument("--endpoint", help="of a running engine")
    parser.add_argument("--recording", type=Path, help="a file to browse")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--picture", type=Path)
    try:
        sys.exit(run(**vars(parser.parse_args())))
    except WattstageError as error:
        sys.exit(f"wattstage: {error}")


if __name__ == "__main__":
    main()
