"""An event: its model, life cycle, tables, and what every feature asks about it."""
