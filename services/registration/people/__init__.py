"""Registrations: what happened to them, as messages, and the links by which their people manage them."""
