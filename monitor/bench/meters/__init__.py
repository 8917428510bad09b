"""Power meters on the load that the scope sees."""
