"""``python -m monitor`` is ``wattstage``."""

from monitor.cli.app import main

main()
