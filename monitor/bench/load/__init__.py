"""What is measured: a workload or a real capture, its supply, and its markers."""
