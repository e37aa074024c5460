"""The reference scenario, played over the real processes in its own time."""
