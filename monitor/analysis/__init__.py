"""From recordings to findings."""
