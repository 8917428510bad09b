"""Recordings that exist: verified, repaired, cut, merged."""
