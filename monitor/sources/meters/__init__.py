"""Meters: what gives a few numbers a second, beside a scope or in place of it."""
