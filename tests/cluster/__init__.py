"""Several hosts on this machine, each in a network namespace: a fault of one must lose nothing on the others."""
