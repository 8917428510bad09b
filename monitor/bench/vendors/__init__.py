"""The remote interfaces of the vendors, on one scope."""
