"""Runs somebody's program as one run, with its stages if they are known."""
