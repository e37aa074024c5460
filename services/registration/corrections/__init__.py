"""Coordinators correct, enter and merge registrations, and send links again; the decider decides it."""
