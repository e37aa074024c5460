"""Registrations: lists, one person, decisions, the waiting list, blocked addresses, and messages about them."""
