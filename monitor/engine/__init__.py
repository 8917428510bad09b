"""The session served to other processes."""
