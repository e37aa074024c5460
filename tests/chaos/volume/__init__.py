"""Tens of thousands of people on a whole system to which something happens every few seconds, by chance."""
