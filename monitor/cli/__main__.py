"""``python -m monitor.cli`` is ``wattstage``."""

from monitor.cli.app import main

if __name__ == "__main__":
    main()
