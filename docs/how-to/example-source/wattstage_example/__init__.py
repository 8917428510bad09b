"""Two sources for Wattstage, to copy from."""
