"""What `wattstage export` has made, and files of the same formats by others, as sources."""
