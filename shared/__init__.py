"""A library for small services that must lose nothing: it knows no service by name."""
