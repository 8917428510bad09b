"""A measurement: what is merged, remembered, recorded and written by hand."""

from monitor.session.session import Pace, Session

__all__ = ["Pace", "Session"]
