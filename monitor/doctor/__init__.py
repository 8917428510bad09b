"""What is wrong with everything that a measurement needs, on one page."""
