"""Somebody else's web site with a form of ours in it, on an origin of its own."""
