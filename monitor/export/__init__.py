"""A recording, or a part of it, in the formats of other programs."""
