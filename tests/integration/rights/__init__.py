"""Permissions over all three services: their applications behind one address, as at the gateway."""
