"""Tens of thousands of people on a whole system in which a random fault happens every few seconds."""
