"""Setting up: what is there, how it is connected, and what of it is wrong."""
