"""What measures, records and serves: everything but the window."""
