"""The scope itself: inputs, converters, panel, and what can go wrong with it."""
