"""Pure numerics: no I/O, no clock, no logging, no threads."""
