"""The tables of the events service, one module a family; nothing here commits."""
