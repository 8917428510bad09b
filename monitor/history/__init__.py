"""What is in memory, addressed by sample index."""
