"""Several hosts on this machine, each in a network namespace: what one of them loses, the others must not."""
