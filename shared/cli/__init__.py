"""The command line of every service: its settings, its workers, and an operator's commands."""
