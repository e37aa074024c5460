"""Erasure of people, on request and once they were kept long enough."""
