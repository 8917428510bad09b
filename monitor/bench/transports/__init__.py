"""How messages come to an instrument: a socket, HiSLIP, VICP, VXI-11."""
