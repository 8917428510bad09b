"""What the workload's host says of itself: its GPUs and processors."""
