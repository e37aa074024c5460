"""Closed sets of values that messages carry and every service knows, each value with all its properties."""
