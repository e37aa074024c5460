"""Measurements behind the figures of the documentation. The tests do not run them: they take time and compare it."""
