"""``python -m monitor.cli`` is ``wattstage``."""

from monitor.cli.app import main

main()
