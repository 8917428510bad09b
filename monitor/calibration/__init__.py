"""Finding out what a channel does by measuring something known, and keeping it."""
