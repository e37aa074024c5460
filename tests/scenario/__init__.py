"""The reference scenario, played on the real processes in its own time."""
